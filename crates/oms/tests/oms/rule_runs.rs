//! Rules run on orders (reference 5.2 to 5.4, 5.9): when, in which sequence, what they leave alone, what they can't do, and that
//! everything is explained.

use consign_db::testing::on_each_engine;
use consign_oms::locations::{self, LocationForm};
use consign_oms::marks::{self, MarkForm, MarkKind};
use consign_oms::orders::{self, Order};
use consign_oms::rules::{self, Action, ActionResult, Body, Field, Match, Node, Operator, RuleTrace, Test, Then};
use consign_oms::{Actor, Ctx, Error, MIGRATIONS, Refusal};
use consign_ports::IncomingOrder;
use consign_values::{LocationId, MarkId, RuleId};

use crate::shop::{Shop, incoming, paid, unpaid};

fn test(field: Field, operator: Operator, values: &[&str]) -> Test {
    Test { field, key: String::new(), operator, values: values.iter().map(|value| (*value).to_owned()).collect() }
}

fn node(id: u32, tests: Vec<Test>, then: Then) -> Node {
    Node { id, name: format!("condition {id}"), enabled: true, matching: Match::All, tests, then }
}

/// One condition with its actions.
fn when(tests: Vec<Test>, actions: Vec<Action>) -> Body {
    Body { nodes: vec![node(1, tests, Then::Actions(actions))] }
}

fn town(town: &str) -> Vec<Test> {
    vec![test(Field::Town, Operator::Equals, &[town])]
}

/// A rule that is live and on.
fn live(shop: &Shop<'_>, name: &str, body: &Body) -> RuleId {
    shop.does(|tx, ctx| {
        let id = rules::create(tx, ctx, name, body)?;
        rules::publish(tx, ctx, id, 1)?;
        rules::enable(tx, ctx, id, true).map(|()| id)
    })
    .unwrap()
}

/// As the worker does it.
fn work(shop: &Shop<'_>) {
    let ctx = Ctx::new(&shop.clock, Actor::System);
    while shop.db.write(|tx| rules::work(tx, &ctx)).unwrap() {}
}

fn trace(shop: &Shop<'_>, order: &Order) -> Vec<RuleTrace> {
    let runs = shop.db.read(|tx| rules::runs(tx, order.id)).unwrap();
    runs.first().map(|run| run.trace()).unwrap_or_default()
}

fn ran(shop: &Shop<'_>, order: &Order) -> usize {
    shop.db.read(|tx| rules::runs(tx, order.id)).unwrap().len()
}

#[test]
fn a_paid_order_that_comes_in_is_moved_and_marked_once_and_everything_is_explained() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5), (shop.west, 5)]);
        let form = MarkForm { name: "Urgent".to_owned(), ..MarkForm::default() };
        let folder = shop.does(|tx, ctx| marks::create(tx, ctx, MarkKind::Folder, &form)).unwrap();
        let actions = vec![
            Action::Location { location: shop.west },
            Action::Service { carrier: String::new(), service: "Next Day".to_owned() },
            Action::Tag { tag: 3 },
            Action::Folder { folder },
            Action::Property { name: "Zone".to_owned(), value: "North".to_owned() },
            Action::Note { text: "by rule".to_owned(), internal: true, processing: false },
        ];
        live(&shop, "Leeds", &when(town("leeds"), actions));
        let order = shop.take(paid("1", &[("X", 2)]));
        work(&shop);
        let view = db.read(|tx| orders::view(tx, order.id)).unwrap();
        assert_eq!((view.order.location_id, view.order.tag, view.order.service.as_str()), (shop.west, 3, "Next Day"));
        assert_eq!((view.marks[0].name.as_str(), view.notes.len()), ("Urgent", 1));
        assert_eq!(view.detail.properties(), [("Zone".to_owned(), "North".to_owned())]);
        assert_eq!((shop.stock(x, shop.default).0, shop.stock(x, shop.west).0), (5, 3), "its stock went with it");
        let rules = trace(&shop, &order);
        assert_eq!((rules[0].name.as_str(), rules[0].version, rules[0].leaf), ("Leeds", 1, Some(1)));
        let seen = &rules[0].steps[0].tests[0];
        assert_eq!((seen.asks.as_str(), seen.seen.as_str(), seen.held), ("Town is leeds", "Leeds", true));
        assert_eq!(rules[0].actions[0].what, "move to West");
        assert!(rules[0].actions.iter().all(|action| action.result == ActionResult::Done));
        assert!(view.decisions.iter().any(|one| one.subject == "rules" && one.outcome.contains("Leeds (version 1)")));
        assert!(view.history.iter().any(|entry| entry.kind == "moved" && entry.actor == "rule 1 version 1"));
        work(&shop);
        shop.receive(vec![incoming(IncomingOrder { secondary_reference: "again".into(), ..paid("1", &[("X", 2)]) })]);
        work(&shop);
        assert_eq!(ran(&shop, &order), 1, "never twice for the same cause");
        shop.verify();
    });
}

#[test]
fn rules_run_when_an_order_is_paid_and_never_on_unpaid_parked_locked_or_older_ones() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.set(|settings| settings.download_unpaid = true);
        shop.item("X", &[(shop.default, 50)]);
        let older = shop.take(paid("older", &[("X", 1)]));
        live(&shop, "Tag", &when(vec![], vec![Action::Tag { tag: 1 }]));
        let waiting = shop.take(unpaid("waiting", &[("X", 1)]));
        let parked = shop.take(paid("parked", &[("X", 1)]));
        let locked = shop.take(paid("locked", &[("X", 1)]));
        shop.does(|tx, ctx| orders::park(tx, ctx, parked.id, "")).unwrap();
        shop.does(|tx, ctx| orders::lock(tx, ctx, locked.id, "")).unwrap();
        work(&shop);
        for order in [&older, &waiting, &parked, &locked] {
            assert_eq!(ran(&shop, order), 0, "{}", order.reference);
        }
        shop.receive(vec![incoming(paid("waiting", &[("X", 1)]))]);
        work(&shop);
        assert_eq!((ran(&shop, &waiting), shop.order("waiting").tag), (1, 1), "it has become paid");
        let asked = shop.does(|tx, ctx| rules::run_on(tx, ctx, parked.id, None, false));
        assert!(matches!(asked, Err(Error::Refused(Refusal::Parked))));
        shop.does(|tx, ctx| rules::run_on(tx, ctx, older.id, None, false)).unwrap();
        assert_eq!(shop.order("older").tag, 1, "on demand, also on an order from before the rule");
    });
}

#[test]
fn scenario_32_first_matching_branch_only_later_rules_still_run_and_the_last_writer_wins_on_service() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 50)]);
        let service = |name: &str| Action::Service { carrier: String::new(), service: name.to_owned() };
        let first = Body {
            nodes: vec![
                node(1, town("leeds"), Then::Actions(vec![service("First"), Action::Tag { tag: 1 }])),
                node(2, vec![], Then::Actions(vec![Action::Tag { tag: 2 }])),
            ],
        };
        live(&shop, "A", &first);
        let sees = vec![test(Field::Tag, Operator::Equals, &["1"]), test(Field::Service, Operator::Equals, &["first"])];
        live(&shop, "B", &when(sees, vec![service("Second")]));
        live(&shop, "C", &when(vec![], vec![Action::Park { note: "check".to_owned() }]));
        live(&shop, "D", &when(vec![], vec![service("Never")]));
        let order = shop.take(paid("1", &[("X", 1)]));
        work(&shop);
        let now = shop.order("1");
        assert_eq!((now.tag, now.service.as_str(), now.parked), (1, "Second", true));
        let names: Vec<String> = trace(&shop, &order).into_iter().map(|rule| rule.name).collect();
        assert_eq!(names, ["A", "B", "C"], "what puts the order aside is the last to run");
    });
}

#[test]
fn scenario_33_disabled_draft_and_pending_versions_never_run_and_a_roll_back_is_a_new_version() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 50)]);
        let tag = |tag| when(vec![], vec![Action::Tag { tag }]);
        let id = shop.does(|tx, ctx| rules::create(tx, ctx, "Rule", &tag(1))).unwrap();
        let get = || db.read(|tx| rules::get(tx, id)).unwrap();
        let tagged = |reference: &str| {
            shop.take(paid(reference, &[("X", 1)]));
            work(&shop);
            shop.order(reference).tag
        };
        shop.does(|tx, ctx| rules::enable(tx, ctx, id, true)).unwrap();
        assert_eq!(tagged("draft"), 0, "a draft never runs");
        assert_eq!(shop.does(|tx, ctx| rules::publish(tx, ctx, id, get().version)).unwrap(), 1);
        assert_eq!(tagged("live"), 1);
        shop.does(|tx, ctx| rules::edit(tx, ctx, id, get().version, "Rule", &tag(2))).unwrap();
        assert_eq!(tagged("pending"), 1, "the live version keeps running");
        let stale = shop.does(|tx, ctx| rules::edit(tx, ctx, id, 1, "Rule", &tag(6)));
        assert!(matches!(stale, Err(Error::Stale)));
        assert_eq!(shop.does(|tx, ctx| rules::publish(tx, ctx, id, get().version)).unwrap(), 2);
        assert_eq!(tagged("second"), 2);
        assert_eq!(shop.does(|tx, ctx| rules::roll_back(tx, ctx, id, get().version, 1)).unwrap(), 3);
        assert_eq!(tagged("back"), 1);
        shop.does(|tx, ctx| rules::enable(tx, ctx, id, false)).unwrap();
        assert_eq!(tagged("off"), 0);
        let numbers: Vec<i64> =
            db.read(|tx| rules::versions(tx, id)).unwrap().iter().map(|version| version.number).collect();
        assert_eq!(numbers, [3, 2, 1], "every version is kept");
        let broken = when(vec![test(Field::Town, Operator::GreaterThan, &["x"])], vec![]);
        shop.does(|tx, ctx| rules::edit(tx, ctx, id, get().version, "Rule", &broken)).unwrap();
        let refused = shop.does(|tx, ctx| rules::publish(tx, ctx, id, get().version)).unwrap_err();
        assert!(refused.to_string().contains("nodes.1.tests[0]"), "{refused}");
        assert_eq!(get().live, 3);
    });
}

#[test]
fn scenario_5_a_target_that_is_gone_stops_nothing_and_is_kept_on_the_order_and_the_rule() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 50)]);
        let form = |name: &str, centre| LocationForm {
            name: name.to_owned(),
            fulfilment_centre: centre,
            ..LocationForm::default()
        };
        let gone = shop.does(|tx, ctx| locations::create(tx, ctx, &form("Gone", false))).unwrap();
        let centre = shop.does(|tx, ctx| locations::create(tx, ctx, &form("Centre", true))).unwrap();
        let actions = vec![
            Action::Location { location: gone },
            Action::Folder { folder: MarkId(99_999) },
            Action::Tag { tag: 4 },
        ];
        let first = live(&shop, "Broken", &when(vec![], actions));
        shop.does(|tx, ctx| locations::delete(tx, ctx, gone)).unwrap();
        live(&shop, "To the centre", &when(vec![], vec![Action::Location { location: centre }]));
        let order = shop.take(paid("1", &[("X", 1)]));
        work(&shop);
        let now = shop.order("1");
        assert_eq!((now.location_id, now.tag), (centre, 4), "the rest runs");
        assert!(now.parked, "and a fulfilment centre holds it as ever");
        let rules = trace(&shop, &order);
        let results: Vec<ActionResult> = rules[0].actions.iter().map(|action| action.result).collect();
        assert_eq!(results, [ActionResult::Failed, ActionResult::Failed, ActionResult::Done]);
        assert!(rules[0].actions[0].what.contains("which is gone"), "{:?}", rules[0].actions[0]);
        assert!(db.read(|tx| rules::get(tx, first)).unwrap().trouble.contains("number 99999, which is gone"));
        assert_eq!(LocationId(gone.0), gone);
        shop.verify();
    });
}

#[test]
fn what_a_person_has_set_is_left_by_a_rule_that_runs_again_unless_asked() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 50)]);
        live(&shop, "Tag", &when(vec![], vec![Action::Tag { tag: 1 }, Action::Location { location: shop.west }]));
        let order = shop.take(paid("1", &[("X", 1)]));
        work(&shop);
        shop.does(|tx, ctx| orders::set_tag(tx, ctx, order.id, 5)).unwrap();
        let again = shop.does(|tx, ctx| rules::run_on(tx, ctx, order.id, None, false)).unwrap();
        assert_eq!((again[0].actions[0].result, again[0].actions[1].result), (ActionResult::Kept, ActionResult::Done));
        assert_eq!(shop.order("1").tag, 5);
        shop.does(|tx, ctx| rules::run_on(tx, ctx, order.id, None, true)).unwrap();
        assert_eq!(shop.order("1").tag, 1);
        shop.does(|tx, ctx| rules::run_on(tx, ctx, order.id, None, false)).unwrap();
        assert_eq!(shop.order("1").tag, 1, "now the rule has set it");
    });
}

#[test]
fn rules_keep_their_sequence_and_a_deleted_one_stays_explained() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 50)]);
        let tag = |tag| when(vec![], vec![Action::Tag { tag }]);
        let [a, b, c] = [("A", 1), ("B", 2), ("C", 3)].map(|(name, number)| live(&shop, name, &tag(number)));
        let twice = shop.does(|tx, ctx| rules::create(tx, ctx, "A", &tag(1)));
        assert!(matches!(twice, Err(Error::Invalid(_))), "a name names one rule");
        shop.does(|tx, ctx| rules::reorder(tx, ctx, &[c, a])).unwrap();
        let order = shop.take(paid("1", &[("X", 1)]));
        work(&shop);
        let sequence: Vec<RuleId> = trace(&shop, &order).into_iter().map(|rule| rule.rule).collect();
        assert_eq!((sequence, shop.order("1").tag), (vec![c, a, b], 2));
        shop.does(|tx, ctx| rules::delete(tx, ctx, b)).unwrap();
        assert_eq!(trace(&shop, &order)[2].name, "B");
        assert_eq!(db.read(|tx| rules::version(tx, b, 1)).unwrap().body(), tag(2), "its version is there for ever");
    });
}
