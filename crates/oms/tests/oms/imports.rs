//! Open-orders import: scenarios 35-38 of 16.5, dry runs, batches that go on after a crash, rejected rows that come back.

use consign_db::testing::on_each_engine;
use consign_oms::imports::{self, IMPORTED, Import, ImportKind, ImportState, Like, Mapping};
use consign_oms::orders::{self, Payment};
use consign_oms::{Error, MIGRATIONS, Refusal};
use consign_values::ImportId;

use crate::shop::Shop;

const NEW_ORDERS: Like<'_> = Like::Names(ImportKind::Orders);
const HEADER: &str = "Order No,SKU,Line ID,Qty,Price,Name,Town,Status\n";

fn prepare(shop: &Shop<'_>, rows: &str) -> ImportId {
    let file = format!("{HEADER}{rows}");
    shop.does(|tx, ctx| imports::prepare(tx, ctx, "orders.csv", file.as_bytes(), NEW_ORDERS)).unwrap()
}

fn start(shop: &Shop<'_>, id: ImportId, again: bool) -> Result<(), Error> {
    shop.does(|tx, ctx| imports::start(tx, ctx, id, again))
}

/// As the worker does it.
fn take_in(shop: &Shop<'_>, id: ImportId) -> Import {
    let progress = shop.db.read(|tx| imports::Progress::open(tx, id)).unwrap();
    while shop.does(|tx, ctx| imports::work(tx, ctx, id, &progress)).unwrap() {}
    shop.db.read(|tx| imports::get(tx, id)).unwrap()
}

fn import(shop: &Shop<'_>, rows: &str) -> Import {
    let id = prepare(shop, rows);
    start(shop, id, false).unwrap();
    take_in(shop, id)
}

fn counts(import: &Import) -> (i64, i64, i64) {
    (import.taken_count, import.known_count, import.rejected_count)
}

#[test]
fn rows_with_one_reference_are_one_order_with_a_line_each() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let items: Vec<_> = (1..=6).map(|n| shop.item(&format!("S{n}"), &[(shop.default, 9)])).collect();
        let rows: String = (1..=6).map(|n| format!("A-1,S{n},{n},2,1.50,Ann Lee,Leeds,\n")).collect();
        let done = import(&shop, &rows);
        assert_eq!((counts(&done), done.state), ((1, 0, 0), ImportState::Done));
        let order = db.read(|tx| orders::find_by_reference(tx, IMPORTED, "", "A-1")).unwrap().unwrap();
        assert_eq!((order.line_count, order.unit_count, order.payment), (6, 12, Payment::Paid));
        assert_eq!(order.total, 6 * 30_000);
        assert!(items.iter().all(|item| shop.stock(*item, shop.default) == (7, 9)));
        shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        shop.verify();
    });
}

#[test]
fn the_same_file_again_makes_no_order_and_says_so() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 9)]);
        let rows = "A-1,X,1,1,1,Ann,Leeds,\nA-2,X,1,1,1,Tom,York,unpaid\n";
        assert_eq!(counts(&import(&shop, rows)), (2, 0, 0));
        let again = prepare(&shop, rows);
        assert!(matches!(start(&shop, again, false), Err(Error::Refused(Refusal::ImportedBefore(_)))));
        start(&shop, again, true).unwrap();
        assert_eq!(counts(&take_in(&shop, again)), (0, 2, 0));
        assert_eq!(counts(&import(&shop, "A-2,X,1,7,1,Tom,York,\nA-3,X,1,1,1,Eve,Hull,\n")), (1, 1, 0));
        let parked = db.read(|tx| orders::find_by_reference(tx, IMPORTED, "", "A-2")).unwrap().unwrap();
        assert!(parked.parked && parked.unit_count == 1, "what is known is not changed");
        shop.does(|tx, ctx| orders::mark_paid(tx, ctx, parked.id)).unwrap();
        shop.verify();
    });
}

#[test]
fn a_bad_row_rejects_its_whole_order_and_comes_back_in_a_file_that_can_be_mended() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 9)]);
        let rows = "A-1,X,1,1,1,Ann,Leeds,\nA-2,X,1,two,1,Tom,York,\nA-2,X,2,1,1,Tom,York,\n,X,1,1,1,Nobody,,\n\
                    A-3,X,1,1,x,Eve,Hull,maybe\nA-4,X,7,1,1,Zoe,Bath,\nA-4,X,7,1,1,Zoe,Bath,\n";
        let id = prepare(&shop, rows);
        let dry = db.read(|tx| imports::dry_run(tx, id)).unwrap();
        assert_eq!((dry.new, dry.known, dry.rejected), (1, 0, 4));
        assert_eq!(dry.orders[0].faults, [(3, "quantity".to_owned(), "two is not a number".to_owned())]);
        assert_eq!(shop.stock(x, shop.default), (9, 9), "a dry run changes nothing");
        start(&shop, id, false).unwrap();
        let done = take_in(&shop, id);
        assert_eq!(counts(&done), (1, 0, 4));
        let rejects = db.read(|tx| imports::rejects(tx, id)).unwrap();
        let said: Vec<_> = rejects.iter().map(|row| (row.line, row.field.as_str())).collect();
        assert_eq!(
            said,
            [(3, "quantity"), (4, ""), (5, "reference"), (6, "status"), (7, ""), (8, "item_number")],
            "{rejects:?}"
        );
        let file = db.read(|tx| imports::rejected_file(tx, id)).unwrap();
        let mended = String::from_utf8(file).unwrap();
        assert!(mended.lines().next().unwrap().ends_with(",Why it was rejected"));
        let mended =
            mended.replace("two", "2").replace("A-4,X,7,1,1,Zoe,Bath,,\"line 8", "A-4,X,8,1,1,Zoe,Bath,,\"line 8");
        let mended = mended.replace("A-4,X,7,1,1,Zoe,Bath,,line 8", "A-4,X,8,1,1,Zoe,Bath,,line 8");
        let second =
            shop.does(|tx, ctx| imports::prepare(tx, ctx, "mended.csv", mended.as_bytes(), NEW_ORDERS)).unwrap();
        start(&shop, second, false).unwrap();
        assert_eq!(counts(&take_in(&shop, second)), (2, 0, 2), "{mended}");
        assert_eq!(shop.stock(x, shop.default), (9 - 1 - 3 - 2, 9));
        shop.verify();
    });
}

#[test]
fn a_mapping_that_names_two_forbidden_columns_or_lacks_a_needed_one_does_not_start() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let id = prepare(&shop, "A-1,X,1,1,1,Ann,Leeds,\n");
        let map = |change: fn(&mut Mapping)| {
            shop.does(|tx, ctx| {
                let mut mapping = imports::get(tx, id)?.mapping();
                change(&mut mapping);
                imports::remap(tx, ctx, id, &mapping, "", shop.default, None)
            })
            .unwrap();
            match start(&shop, id, false) {
                Err(Error::Invalid(errors)) => errors.to_string(),
                other => panic!("{other:?}"),
            }
        };
        let both = |mapping: &mut Mapping| {
            mapping.columns.insert("line_discount".into(), "1".into());
            mapping.columns.insert("line_discount_percent".into(), "5".into());
        };
        assert!(map(both).contains("can't be mapped together"));
        let lacking = |mapping: &mut Mapping| {
            mapping.columns.remove("line_discount");
            mapping.columns.remove("quantity");
        };
        assert!(map(lacking).contains("must be mapped"));
        assert_eq!(db.read(|tx| imports::get(tx, id)).unwrap().state, ImportState::Prepared);
        let none = shop.does(|tx, ctx| imports::prepare(tx, ctx, "x", b"", NEW_ORDERS));
        assert!(matches!(none, Err(Error::Invalid(_))));
    });
}

#[test]
fn a_run_goes_on_where_it_stopped_and_a_stopped_one_keeps_what_it_took() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 900)]);
        let rows: String = (0..250).map(|n| format!("A-{n},X,1,1,1,Ann,Leeds,\n")).collect();
        let id = prepare(&shop, &rows);
        start(&shop, id, false).unwrap();
        let first = db.read(|tx| imports::Progress::open(tx, id)).unwrap();
        assert!(shop.does(|tx, ctx| imports::work(tx, ctx, id, &first)).unwrap());
        drop(first);
        assert_eq!(counts(&db.read(|tx| imports::get(tx, id)).unwrap()), (100, 0, 0));
        let second = db.read(|tx| imports::Progress::open(tx, id)).unwrap();
        assert!(shop.does(|tx, ctx| imports::work(tx, ctx, id, &second)).unwrap());
        shop.does(|tx, ctx| imports::cancel(tx, ctx, id)).unwrap();
        assert!(!shop.does(|tx, ctx| imports::work(tx, ctx, id, &second)).unwrap(), "it stops");
        let stopped = db.read(|tx| imports::get(tx, id)).unwrap();
        assert_eq!((counts(&stopped), stopped.state), ((200, 0, 0), ImportState::Cancelled));
        assert_eq!(counts(&import(&shop, &rows)), (50, 200, 0), "the rest comes with the file again");
        shop.verify();
    });
}

#[test]
fn a_kept_mapping_reads_other_files_with_its_expressions_defaults_and_locations() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.west, 9)]);
        let file = "No;First;Last;Item;Pieces;Each;Paid;Where\n7;Ann;Lee;X;2;1.234,50;31.12.2026 09:05;west\n";
        let id = shop.does(|tx, ctx| imports::prepare(tx, ctx, "fair.csv", file.as_bytes(), NEW_ORDERS)).unwrap();
        let mut mapping = Mapping { decimal_comma: true, ..Mapping::default() };
        for (code, template) in [
            ("reference", "FAIR-{No}"),
            ("sku", "{Item}"),
            ("quantity", "{Pieces}"),
            ("unit_price", "{Each}"),
            ("currency", "EUR"),
            ("delivery.full_name", "{First} {Last}"),
            ("paid_at", "{Paid}"),
            ("location", "{Where}"),
        ] {
            mapping.columns.insert(code.to_owned(), template.to_owned());
        }
        shop.does(|tx, ctx| imports::remap(tx, ctx, id, &mapping, "Fair", shop.default, Some("Fairs"))).unwrap();
        start(&shop, id, false).unwrap();
        assert_eq!(counts(&take_in(&shop, id)), (1, 0, 0));
        let order = db.read(|tx| orders::find_by_reference(tx, IMPORTED, "Fair", "FAIR-7")).unwrap().unwrap();
        assert_eq!((order.location_id, order.total, order.full_name.as_str()), (shop.west, 24_690_000, "Ann Lee"));
        assert_eq!(shop.stock(x, shop.west), (7, 9));
        let other = file.replace("\n7;", "\n8;").replace("west", "nowhere");
        let id = shop
            .does(|tx, ctx| imports::prepare(tx, ctx, "fair.csv", other.as_bytes(), Like::Profile("Fairs")))
            .unwrap();
        start(&shop, id, false).unwrap();
        assert_eq!(counts(&take_in(&shop, id)), (0, 0, 1));
        assert!(db.read(|tx| imports::rejects(tx, id)).unwrap()[0].reason.contains("nowhere is no location"));
        shop.verify();
    });
}
