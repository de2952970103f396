//! Personal data goes after its time and on demand: from every column of every table, for good; figures stay.

use consign_db::testing::on_each_engine;
use consign_db::{Db, Query, Tx};
use consign_oms::channels::KeyRing;
use consign_oms::despatch::{self, Settled};
use consign_oms::orders::{self, Filter, OrderState};
use consign_oms::retention::people::{self, Chosen};
use consign_oms::retention::{self, Due, Step};
use consign_oms::rules::{self, Action, Body, Field, Match, Node, Operator, Test, Then};
use consign_oms::settings::Retention;
use consign_oms::tokens::{self, TokenForm};
use consign_oms::users::{self, Permission, Role, UserForm};
use consign_oms::webhooks::{self, EventKind, WebhookForm};
use consign_oms::{Ctx, Error, MIGRATIONS, customers, imports, settings};
use consign_ports::{Incoming, IncomingNote, IncomingOrder};
use consign_values::{Address, CountryCode, OrderId};

use crate::shop::{Shop, incoming, paid};

/// Nobody else is called so.
const NAME: &str = "Zebulon Quux";
const EMAIL: &str = "zeb.quux@example.net";
const NEW_ORDERS: imports::Like<'_> = imports::Like::Names(imports::ImportKind::Orders);
const DAY: i64 = 24 * 3_600;

fn address() -> Address {
    Address {
        full_name: NAME.to_owned(),
        company: "Quux & Sons".to_owned(),
        line1: "7 Quux Road".to_owned(),
        town: "Quuxton".to_owned(),
        postcode: "QX1 1QX".to_owned(),
        country: "United Kingdom".to_owned(),
        country_code: CountryCode::resolve("GB", "").unwrap(),
        phone: "0700 900 100".to_owned(),
        email: EMAIL.to_owned(),
        ..Address::default()
    }
    .cleaned()
}

/// An order that names the person wherever a channel can name one.
fn theirs(order: IncomingOrder) -> IncomingOrder {
    let mut order = IncomingOrder {
        buyer: "quux.buyer".to_owned(),
        delivery: address(),
        billing: address(),
        properties: vec![("gift card".to_owned(), format!("from {NAME}"))],
        notes: vec![IncomingNote { text: format!("I am {NAME}"), author: NAME.to_owned(), at: None, internal: false }],
        ..order
    };
    order.lines[0].options = vec![("engraving".to_owned(), NAME.to_owned())];
    order
}

/// All columns of text and bytes that hold the word, whatever its case.
fn columns_with(db: &Db, word: &str) -> Vec<String> {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let word = word.to_lowercase();
    let postgres = db.engine_name() == "PostgreSQL";
    let columns: Vec<(String, String, String)> = db
        .read(|tx| {
            tx.query(&Query::new(if postgres {
                "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
                 WHERE table_schema = 'public' ORDER BY 1, 2"
            } else {
                "SELECT m.name, p.name, lower(p.type) FROM sqlite_master m JOIN pragma_table_info(m.name) p
                 WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY 1, 2"
            }))
        })
        .map_err(|error: consign_db::Error| error)
        .unwrap();
    assert!(columns.len() > 200, "the schema is read: {}", columns.len());
    let mut hits = Vec::new();
    for (table, column, kind) in columns {
        let found = match kind.as_str() {
            "text" => {
                let text = leak(format!("SELECT COALESCE({column}, '') FROM {table}"));
                let rows: Vec<String> = db.read(|tx| Ok::<_, Error>(tx.query(&Query::new(text))?)).unwrap();
                rows.iter().any(|value| value.to_lowercase().contains(&word))
            }
            "bytea" | "blob" => {
                let text = leak(format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL"));
                let rows: Vec<Vec<u8>> = db.read(|tx| Ok::<_, Error>(tx.query(&Query::new(text))?)).unwrap();
                rows.iter().any(|value| String::from_utf8_lossy(value).to_lowercase().contains(&word))
            }
            _ => false,
        };
        if found {
            hits.push(format!("{table}.{column}"));
        }
    }
    hits
}

fn assert_forgotten(shop: &Shop<'_>) {
    for word in ["quux", "0700 900 100", "QX1 1QX"] {
        assert_eq!(columns_with(shop.db, word), Vec::<String>::new(), "{word}");
        let search =
            |base: Filter| shop.db.read(|tx| orders::search(tx, &Filter { text: word.into(), ..base.clone() }));
        assert!(
            search(Filter::ended()).unwrap().orders.is_empty() && search(Filter::open()).unwrap().orders.is_empty()
        );
    }
    assert!(shop.db.read(|tx| customers::look_up(tx, "quux")).unwrap().is_empty());
}

fn run(shop: &Shop<'_>) -> usize {
    let mut portions = 0;
    while shop.does(retention::work).unwrap() == Step::More {
        portions += 1;
    }
    portions
}

fn switch(shop: &Shop<'_>, on: bool, days: i64) -> Result<(), Error> {
    shop.does(|tx, ctx| {
        let version = settings::load::<Retention>(tx)?.version;
        retention::switch(tx, ctx, &Retention { on, days }, version)
    })
}

/// Leaves the person's name in every place that has one.
fn plant(shop: &Shop<'_>) {
    let keys = KeyRing::new([3; 32]);
    let hook = WebhookForm {
        name: "Till".into(),
        url: "https://till.example/hook".into(),
        kinds: EventKind::ALL.to_vec(),
        active: true,
    };
    shop.does(|tx, ctx| webhooks::create(tx, ctx, &keys, &hook)).unwrap();
    shop.item("X", &[(shop.default, 50)]);
    let order = shop.take(theirs(paid("P-1", &[("X", 2)])));
    shop.does(|tx, ctx| {
        let (now, mut form) = orders::editable(tx, order.id)?;
        form.delivery.line2 = "Quux House".to_owned();
        orders::edit(tx, ctx, order.id, now.version, &form)?;
        orders::add_note(tx, ctx, order.id, &format!("{NAME} called"), true, false)?;
        let note = orders::view(tx, order.id)?.notes.last().map_or(0, |note| note.id);
        orders::edit_note(tx, ctx, order.id, note, &format!("{NAME} called again"), true, false)?;
        orders::set_properties(tx, ctx, order.id, &[("gift card".to_owned(), format!("for {NAME}"))])?;
        run_a_rule(tx, ctx, order.id)?;
        orders::set_shipping(tx, ctx, order.id, "Post", "Fast", "QUUX123")?;
        orders::park(tx, ctx, order.id, &format!("until {NAME} answers"))?;
        orders::unpark(tx, ctx, order.id)?;
        orders::process(tx, ctx, order.id)
    })
    .unwrap();
    settle(shop);
    let cancelled = shop.take(theirs(paid("C-1", &[("X", 1)])));
    shop.does(|tx, ctx| orders::cancel(tx, ctx, cancelled.id, &format!("{NAME} does not want it"), false)).unwrap();
    let deleted = shop.take(theirs(paid("D-1", &[("X", 1)])));
    shop.does(|tx, ctx| orders::delete(tx, ctx, deleted.id, &format!("a joke of {NAME}"))).unwrap();
    shop.receive(vec![Incoming {
        reference: "R-1".to_owned(),
        payload: format!("{{\"name\": \"{NAME}\"}}").into_bytes(),
        order: Err(format!("{NAME} is no number")),
    }]);
    shop.does(|tx, ctx| {
        customers::keep(tx, ctx, &address())?;
        let id = orders::begin_draft(tx, ctx, shop.default)?;
        let draft = orders::draft(tx, id)?;
        let mut form = draft.form()?;
        form.order.delivery = address();
        orders::save_draft(tx, ctx, id, draft.version, &form)
    })
    .unwrap();
    let file = format!("Order No,SKU,Line ID,Qty,Price,Name,Town,Status\nI-1,X,1,none,1,{NAME},Quuxton,\n");
    let bad = shop.does(|tx, ctx| imports::prepare(tx, ctx, "bad.csv", file.as_bytes(), NEW_ORDERS)).unwrap();
    shop.does(|tx, ctx| imports::start(tx, ctx, bad, false)).unwrap();
    let progress = shop.db.read(|tx| imports::Progress::open(tx, bad)).unwrap();
    while shop.does(|tx, ctx| imports::work(tx, ctx, bad, &progress)).unwrap() {}
    let file = format!("Order No,SKU,Line ID,Qty,Price,Name,Town,Status\nI-2,X,1,1,1,{NAME},Quuxton,\n");
    shop.does(|tx, ctx| imports::prepare(tx, ctx, "never.csv", file.as_bytes(), NEW_ORDERS)).unwrap();
}

/// One that looks at the name, the notes and a property.
fn run_a_rule(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId) -> Result<(), Error> {
    let looks = |field: Field, key: &str| Test {
        field,
        key: key.to_owned(),
        operator: Operator::NotEquals,
        values: vec!["nobody".to_owned()],
    };
    let tests = vec![looks(Field::Name, ""), looks(Field::NoteText, ""), looks(Field::Property, "gift card")];
    let then = Then::Actions(vec![Action::Tag { tag: 2 }]);
    let node = Node { id: 1, name: "looks".to_owned(), enabled: true, matching: Match::All, tests, then };
    let rule = rules::create(tx, ctx, "Looks", &Body { nodes: vec![node] })?;
    rules::publish(tx, ctx, rule, 1)?;
    rules::enable(tx, ctx, rule, true)?;
    let trace = rules::run_on(tx, ctx, id, None, false)?;
    assert_eq!(trace[0].steps[0].tests.len(), 3, "all three are seen");
    rules::enable(tx, ctx, rule, false)
}

/// The channel confirms what it was told.
fn settle(shop: &Shop<'_>) {
    let taken = shop.does(|tx, ctx| despatch::take(tx, ctx, shop.channel, 100)).unwrap();
    for note in taken {
        shop.does(|tx, ctx| despatch::settle(tx, ctx, note.id(), &Settled::Confirmed)).unwrap();
    }
}

#[test]
fn after_its_time_a_name_is_in_no_column_of_any_table_and_figures_stay() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        plant(&shop);
        let planted = columns_with(db, "quux");
        for column in [
            "orders.full_name",
            "order_detail.delivery",
            "order_line.options",
            "order_note.body",
            "inbox.payload",
            "history.detail",
            "webhook_delivery.body",
            "order_draft.form",
            "customer.address",
            "import_reject.cells",
            "import_file.bytes",
            "outbox.tracking_number",
        ] {
            assert!(planted.iter().any(|hit| hit == column), "{column} is not among {planted:?}");
        }
        let before = shop.order("P-1");
        assert!(matches!(switch(&shop, true, 29), Err(Error::Invalid(_))), "there is a minimum");
        shop.clock.advance(31 * DAY);
        assert_eq!(run(&shop), 0, "it is off to begin with");
        let due = shop.does(|tx, ctx| retention::due(tx, ctx, 30)).unwrap();
        let wanted = Due { orders: 3, waiting: 0, payloads: 1, drafts: 1, rejects: 1, customers: 1 };
        assert_eq!(due, wanted);
        switch(&shop, true, 30).unwrap();
        run(&shop);
        assert_forgotten(&shop);
        let after = shop.order("P-1");
        assert_eq!((after.total, after.unit_count, &after.country_code), (before.total, 2, &before.country_code));
        assert_eq!((after.state, after.version), (OrderState::Processed, before.version + 1));
        let view = db.read(|tx| orders::view(tx, after.id)).unwrap();
        assert_eq!((view.lines.len(), view.detail.subtotal > 0), (1, true));
        assert_eq!(view.delivery.country_code.as_str(), "GB");
        assert!(shop.history(&after)[0].starts_with("scrubbed: personal data removed"), "{:?}", shop.history(&after));
        let last = db.read(retention::runs).unwrap().remove(0);
        assert_eq!((last.order_count, last.payload_count, last.draft_count), (3, 1, 1));
        assert_eq!((last.reject_count, last.customer_count, last.stopped), (1, 1, false));
        assert!(last.ended_at.is_some());
        shop.verify();
    });
}

#[test]
fn what_a_channel_sends_again_of_a_scrubbed_order_brings_nothing_back() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        plant(&shop);
        shop.clock.advance(31 * DAY);
        switch(&shop, true, 30).unwrap();
        run(&shop);
        shop.receive(vec![incoming(theirs(paid("P-1", &[("X", 2)])))]);
        let changed = IncomingOrder { secondary_reference: "later".into(), ..theirs(paid("P-1", &[("X", 2)])) };
        shop.receive(vec![incoming(changed.clone())]);
        shop.receive(vec![incoming(IncomingOrder { site: "other".into(), ..theirs(paid("D-1", &[("X", 1)])) })]);
        assert_forgotten(&shop);
        let again = shop.receive(vec![incoming(changed)]);
        assert_eq!((again.unchanged, again.taken), (1, 0), "its digest is known");
        shop.verify();
    });
}

#[test]
fn open_orders_and_those_whose_channel_has_not_answered_wait() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 50)]);
        let told = shop.take(theirs(paid("P-1", &[("X", 2)])));
        shop.does(|tx, ctx| orders::process(tx, ctx, told.id)).unwrap();
        let open = shop.take(theirs(paid("P-2", &[("X", 2)])));
        shop.clock.advance(400 * DAY);
        switch(&shop, true, 365).unwrap();
        let due = shop.does(|tx, ctx| retention::due(tx, ctx, 365)).unwrap();
        assert_eq!((due.orders, due.waiting), (0, 1));
        run(&shop);
        assert_eq!(shop.order("P-1").full_name, NAME);
        let left = shop
            .does(|tx, ctx| people::erase(tx, ctx, &Chosen { orders: vec![told.id, open.id], ..Chosen::default() }));
        assert_eq!(left.unwrap().left, vec![told.id, open.id]);
        settle(&shop);
        run(&shop);
        assert_eq!((shop.order("P-1").full_name.as_str(), shop.order("P-2").full_name.as_str()), ("", NAME));
    });
}

#[test]
fn switched_off_a_run_stops_between_two_portions_and_goes_on_where_it_was() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 50_000)]);
        for page in 0..3 {
            shop.receive((0..100).map(|n| incoming(theirs(paid(&format!("P-{page}-{n}"), &[("X", 1)])))).collect());
        }
        let all = db.read(|tx| orders::search(tx, &Filter::open())).unwrap().orders.len();
        assert!(all > 0);
        for id in 1..=1_000 {
            shop.does(|tx, ctx| orders::cancel(tx, ctx, consign_values::OrderId(id), "x", false)).ok();
        }
        shop.clock.advance(31 * DAY);
        switch(&shop, true, 30).unwrap();
        assert_eq!(shop.does(retention::work).unwrap(), Step::More);
        switch(&shop, false, 30).unwrap();
        assert_eq!(shop.does(retention::work).unwrap(), Step::Over);
        let stopped = db.read(retention::runs).unwrap().remove(0);
        assert_eq!((stopped.order_count, stopped.stopped), (200, true));
        switch(&shop, true, 30).unwrap();
        run(&shop);
        let last = db.read(retention::runs).unwrap().remove(0);
        assert_eq!((last.order_count, last.stopped), (100, false));
        assert_forgotten(&shop);
    });
}

#[test]
fn a_customer_gets_what_is_kept_of_them_and_is_forgotten_at_once() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        plant(&shop);
        let other = shop.take(paid("O-1", &[("X", 1)]));
        let user = UserForm {
            email: "o@example.com".into(),
            name: "O".into(),
            role: Role::Owner,
            password_hash: "none".into(),
        };
        shop.does(|tx, ctx| {
            let user = users::create(tx, ctx, &user)?;
            let form = TokenForm {
                user,
                name: "till".into(),
                scopes: vec![Permission::View],
                expires_at: None,
                calls_per_minute: 60,
            };
            let (id, _) = tokens::make(tx, ctx, &form)?;
            tokens::begin(tx, ctx, id, "k", b"r")?;
            tokens::keep(tx, id, "k", 200, &format!("{{\"name\":\"{NAME}\"}}"))
        })
        .unwrap();
        let found = db.read(|tx| people::find(tx, "ZEB.QUUX@example")).unwrap();
        assert_eq!((found.orders.len(), found.customers.len(), found.drafts.len()), (3, 1, 1));
        assert!(db.read(|tx| people::find(tx, "ze")).is_err(), "two letters are too few");
        let mut loud = paid("É-1", &[("X", 1)]);
        loud.delivery.full_name = "ÉLODIE DUPRÉ".to_owned();
        let loud = shop.take(loud);
        let found_loud = db.read(|tx| people::find(tx, "élodie dupré")).unwrap().orders;
        assert_eq!(found_loud.iter().map(|(order, _)| order.id).collect::<Vec<_>>(), [loud.id]);
        let chosen = Chosen {
            orders: found.orders.iter().map(|(order, _)| order.id).collect(),
            customers: found.customers.iter().map(|customer| customer.id).collect(),
            drafts: found.drafts.iter().map(|draft| draft.id).collect(),
        };
        let file = shop.does(|tx, ctx| people::export(tx, ctx, &chosen)).unwrap();
        assert_eq!(file["orders"].as_array().map(Vec::len), Some(3));
        assert!(file.to_string().contains("7 Quux Road") && file.to_string().contains("called"), "{file}");
        let erased = shop.does(|tx, ctx| people::erase(tx, ctx, &chosen)).unwrap();
        assert_eq!((erased.orders, erased.customers, erased.drafts, erased.left.len()), (3, 1, 1, 0));
        assert!(erased.others >= 3, "a rejected row, a payload, a kept answer: {erased:?}");
        // A file that was brought and never taken in is nobody's until then; the daily run removes it.
        assert_eq!(columns_with(db, "quux"), ["import_file.bytes"]);
        assert_eq!(shop.order("O-1").full_name, other.full_name, "others are left alone");
        assert!(db.read(|tx| people::find(tx, "quux")).unwrap().orders.is_empty());
        shop.verify();
    });
}
