//! Folders, identifiers, and merging by itself.

use consign_db::testing::on_each_engine;
use consign_oms::marks::{self, MarkForm, MarkKind};
use consign_oms::orders::{self, Filter, OrderState};
use consign_oms::settings::{self, Handling};
use consign_oms::{Error, MIGRATIONS, Refusal};
use consign_values::OrderId;

use crate::shop::{Shop, paid, unpaid};

#[test]
fn an_order_is_put_into_folders_found_there_and_leaves_them_when_they_are_deleted() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let [one, two] = ["1", "2"].map(|reference| shop.take(paid(reference, &[("A", 1)])));
        let form = |name: &str| MarkForm { name: name.to_owned(), ..MarkForm::default() };
        let make = |name: &str| shop.does(|tx, ctx| marks::create(tx, ctx, MarkKind::Folder, &form(name)));
        let (urgent, later) = (make("Urgent").unwrap(), make("Later").unwrap());
        assert!(matches!(make("urgent"), Err(Error::Invalid(_))), "a name names one folder");
        shop.does(|tx, ctx| marks::give(tx, ctx, one.id, urgent)).unwrap();
        shop.does(|tx, ctx| marks::give(tx, ctx, one.id, later)).unwrap();
        shop.does(|tx, ctx| orders::park(tx, ctx, two.id, "")).unwrap();
        let refused = shop.does(|tx, ctx| marks::give(tx, ctx, two.id, urgent));
        assert!(matches!(refused, Err(Error::Refused(Refusal::Parked))));
        let found = |folder| {
            let page = db.read(|tx| orders::search(tx, &Filter { folder: Some(folder), ..Filter::open() })).unwrap();
            page.orders.into_iter().map(|order| order.id).collect::<Vec<_>>()
        };
        assert_eq!((found(urgent), found(later)), (vec![one.id], vec![one.id]));
        let policy = Handling { one_folder: true, ..Handling::default() };
        shop.does(|tx, ctx| settings::set(tx, ctx, &policy, 0)).unwrap();
        shop.does(|tx, ctx| marks::take(tx, ctx, one.id, urgent)).unwrap();
        shop.does(|tx, ctx| marks::give(tx, ctx, one.id, urgent)).unwrap();
        assert!(found(later).is_empty(), "one folder at most");
        shop.does(|tx, ctx| marks::delete(tx, ctx, urgent)).unwrap();
        assert!(db.read(|tx| marks::of_order(tx, one.id)).unwrap().is_empty());
        assert!(shop.does(|tx, ctx| marks::delete(tx, ctx, consign_values::MarkId(1))).is_err(), "Prime stays");
    });
}

#[test]
fn scenario_31_auto_merge_leaves_alone_prime_blocked_parked_locked_and_unpaid_orders() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.set(|settings| settings.download_unpaid = true);
        shop.item("A", &[(shop.default, 50)]);
        let [first, second] = ["1", "2"].map(|reference| shop.take(paid(reference, &[("A", 2)])));
        let prime = consign_ports::IncomingOrder {
            identifiers: vec!["AMAZON_PRIME".to_owned(), "NOBODY_KNOWS".to_owned()],
            ..paid("prime", &[("A", 1)])
        };
        let prime = shop.take(prime);
        let [blocked, parked, locked] =
            ["blocked", "parked", "locked"].map(|reference| shop.take(paid(reference, &[("A", 1)])));
        let unpaid = shop.take(unpaid("unpaid", &[("A", 1)]));
        shop.does(|tx, ctx| orders::set_no_merge(tx, ctx, blocked.id, true)).unwrap();
        shop.does(|tx, ctx| orders::park(tx, ctx, parked.id, "")).unwrap();
        shop.does(|tx, ctx| orders::lock(tx, ctx, locked.id, "")).unwrap();
        let run = || shop.does(|tx, ctx| orders::auto_merge(tx, ctx, OrderId(0))).unwrap();
        assert_eq!(run(), None, "off to begin with");
        let policy = Handling { merge_alike: true, ..Handling::default() };
        shop.does(|tx, ctx| settings::set(tx, ctx, &policy, 0)).unwrap();
        run();
        let state = |reference: &str| shop.order(reference).state;
        assert_eq!((state("1"), state("2")), (OrderState::Deleted, OrderState::Deleted));
        for order in [&prime, &blocked, &parked, &locked, &unpaid] {
            assert_eq!(state(&order.reference), OrderState::Open, "{}", order.reference);
        }
        let merged = shop.order("1").merged_into.unwrap();
        assert_eq!(shop.order("2").merged_into, Some(merged));
        let order = db.read(|tx| orders::get(tx, merged)).unwrap();
        assert_eq!((order.unit_count, order.total), (4, first.total + second.total));
        run();
        let again = db.read(|tx| orders::get(tx, merged)).unwrap();
        assert_eq!(again.version, order.version, "nothing is merged twice");
        shop.verify();
    });
}

#[test]
fn notes_are_edited_and_deleted_and_the_history_keeps_what_they_said() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let order = shop.take(paid("1", &[("A", 1)]));
        shop.does(|tx, ctx| orders::add_note(tx, ctx, order.id, "ring twice", true, false)).unwrap();
        let notes = || db.read(|tx| orders::view(tx, order.id)).unwrap().notes;
        let id = notes()[0].id;
        shop.does(|tx, ctx| orders::edit_note(tx, ctx, order.id, id, "ring once", false, true)).unwrap();
        let note = &notes()[0];
        assert_eq!((note.body.as_str(), note.internal, note.processing), ("ring once", false, true));
        let other = shop.take(paid("2", &[("A", 1)]));
        let wrong = shop.does(|tx, ctx| orders::delete_note(tx, ctx, other.id, id));
        assert!(matches!(wrong, Err(Error::NotFound("note"))), "a note belongs to its order");
        shop.does(|tx, ctx| orders::delete_note(tx, ctx, order.id, id)).unwrap();
        let view = db.read(|tx| orders::view(tx, order.id)).unwrap();
        assert_eq!((view.notes.len(), view.order.note_count), (0, 0));
        let said: Vec<&str> = view.history.iter().map(|entry| entry.detail.as_str()).collect();
        assert!(said.contains(&"ring twice → ring once") && said.contains(&"ring once"));
    });
}

#[test]
fn extended_properties_are_replaced_as_a_whole_and_the_history_says_which_came_and_went() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let order = shop.take(paid("1", &[("A", 1)]));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let set = |pairs: &[(String, String)]| shop.does(|tx, ctx| orders::set_properties(tx, ctx, order.id, pairs));
        set(&[pair("IOSS", "IM1"), pair("Gift", "yes"), pair("IOSS", "IM1")]).unwrap();
        set(&[pair("IOSS", "IM2"), pair("Gift", "yes")]).unwrap();
        let view = db.read(|tx| orders::view(tx, order.id)).unwrap();
        assert_eq!(view.detail.properties(), [pair("IOSS", "IM2"), pair("Gift", "yes")]);
        assert_eq!(view.history[0].detail, "−IOSS = IM1; +IOSS = IM2");
        assert!(matches!(set(&[pair(" ", "x")]), Err(Error::Invalid(_))));
        shop.does(|tx, ctx| orders::park(tx, ctx, order.id, "")).unwrap();
        assert!(matches!(set(&[]), Err(Error::Refused(Refusal::Parked))));
    });
}

#[test]
fn people_split_only_this_months_orders_where_the_setting_says_so() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let order = shop.take(paid("1", &[("A", 4)]));
        let line = db.read(|tx| orders::view(tx, order.id)).unwrap().lines[0].id;
        let parts = || vec![orders::Part { lines: vec![(line, 1)], park: false }];
        let split = || {
            let version = shop.order("1").version;
            shop.does(|tx, ctx| orders::split(tx, ctx, order.id, version, &parts()))
        };
        let policy = Handling { split_this_month_only: true, ..Handling::default() };
        shop.does(|tx, ctx| settings::set(tx, ctx, &policy, 0)).unwrap();
        split().unwrap();
        shop.clock.advance(40 * 24 * 3_600);
        assert!(matches!(split(), Err(Error::Refused(Refusal::SplitThisMonthOnly))));
        let version = shop.order("1").version;
        let ctx = consign_oms::Ctx::new(&shop.clock, consign_oms::Actor::System);
        db.write(|tx| orders::split(tx, &ctx, order.id, version, &parts())).unwrap();
    });
}
