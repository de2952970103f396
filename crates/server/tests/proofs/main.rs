//! The proofs by force: the real process is killed at random moments, against a shop that fails too, on each database; and two
//! nodes share one database while one of them is killed. Afterwards both sides' books agree, and `consign verify` is clean.
//!
//! `CONSIGN_CRASH_ROUNDS` sets how often (100 unless set).

mod company;
mod node;

use std::time::{Duration, Instant};

use company::Company;
use consign_db::testing::FreshPostgres;
use consign_demo_shop::{Faults, NewOrder, Random};
use node::Node;

fn rounds() -> u64 {
    std::env::var("CONSIGN_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// Places some orders in the shop, now and then one that is paid later or cancelled.
fn shopping(company: &Company, random: &mut Random) {
    for _ in 0..2 {
        let skus: Vec<String> = company.skus();
        let line = |random: &mut Random| (skus[random.below(skus.len())].clone(), 1 + random.below(2) as i64);
        let mut lines = vec![line(random), line(random)];
        lines.dedup_by(|a, b| a.0 == b.0);
        let paid = random.chance(0.8);
        let reference = company.shop.place(NewOrder {
            buyer: "Ann Lee".to_owned(),
            town: "Leeds".to_owned(),
            postcode: "LS1 1AA".to_owned(),
            country: "GB".to_owned(),
            lines,
            paid,
        });
        if !paid && random.chance(0.3) {
            company.shop.cancel(&reference);
        } else if !paid && random.chance(0.6) {
            company.shop.pay(&reference);
        }
    }
}

/// Moves and processes some of the open orders; a node that dies meanwhile is no error here.
fn desk_work(node: &Node, company: &Company, random: &mut Random) {
    let Some(open) = node.open_orders(&company.cookie) else { return };
    for id in open.iter().take(6) {
        let location = if random.chance(0.5) { company.locations[0] } else { company.locations[1] };
        let form = match random.below(4) {
            0 => format!("action=move&location={location}&ids={id}"),
            1 => format!("action=lock&ids={id}"),
            2 => format!("action=unlock&ids={id}"),
            _ => format!("action=process&ids={id}"),
        };
        if node.post("/orders/bulk", &company.cookie, &form).is_none() {
            return;
        }
    }
}

fn crash(database: &str) {
    let company = Company::found(database);
    let mut random = Random::new(7);
    company.shop.set_faults(Faults::each(0.04));
    let port = node::free_port();
    for round in 0..rounds() {
        let node = Node::start(&company, port);
        shopping(&company, &mut random);
        let life = Duration::from_millis(80 + random.below(400) as u64);
        std::thread::scope(|scope| {
            scope.spawn(|| node.kill_after(life));
            desk_work(&node, &company, &mut random);
        });
        if round % 10 == 9 {
            company.verify();
        }
    }
    company.shop.set_faults(Faults::default());
    let node = Node::start(&company, port);
    let settled = company.wait_until_settled(Duration::from_secs(240));
    node.kill();
    company.verify();
    company.compare_books();
    assert!(settled, "every despatch is confirmed or shown: {}", company.unsettled());
}

#[test]
fn a_node_killed_at_random_moments_loses_and_doubles_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    crash(&format!("sqlite:{}", folder.path().join("consign.db").display()));
}

#[test]
fn a_node_killed_at_random_moments_loses_and_doubles_nothing_on_postgresql() {
    let Some(postgres) = FreshPostgres::create() else {
        eprintln!("skipped: CONSIGN_TEST_POSTGRES is not set");
        return;
    };
    crash(&postgres.url);
}

#[test]
fn two_nodes_share_the_work_and_one_may_die() {
    let Some(postgres) = FreshPostgres::create() else {
        eprintln!("skipped: CONSIGN_TEST_POSTGRES is not set");
        return;
    };
    let company = Company::found(&postgres.url);
    let mut random = Random::new(11);
    let (first, second) = (Node::start(&company, node::free_port()), Node::start(&company, node::free_port()));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        shopping(&company, &mut random);
        desk_work(&first, &company, &mut random);
        desk_work(&second, &company, &mut random);
    }
    first.kill();
    for _ in 0..10 {
        shopping(&company, &mut random);
        desk_work(&second, &company, &mut random);
    }
    let settled = company.wait_until_settled(Duration::from_secs(200));
    second.kill();
    company.verify();
    company.compare_books();
    assert!(settled, "every despatch is confirmed or shown: {}", company.unsettled());
}
