//! Files that are not new orders: scenario 28 of 16.5, tracking numbers, items, stock levels, SKU links.

use consign_db::testing::on_each_engine;
use consign_oms::exports::{self, Export, ExportFilter, FileKind};
use consign_oms::imports::{self, DryRun, Import, ImportKind, ImportState, Like, Reject};
use consign_oms::locations::{self, LocationForm};
use consign_oms::orders::{self, Order, OrderState};
use consign_oms::stock::StockState;
use consign_oms::{Actor, Ctx, MIGRATIONS, items};
use consign_values::ImportId;

use crate::shop::{Shop, paid};

struct Taken {
    dry: DryRun,
    import: Import,
    rejects: Vec<Reject>,
}

impl Taken {
    fn counts(&self) -> (i64, i64, i64) {
        (self.import.taken_count, self.import.known_count, self.import.rejected_count)
    }

    fn reasons(&self) -> Vec<(i64, &str)> {
        self.rejects.iter().map(|reject| (reject.line, reject.reason.as_str())).collect()
    }
}

/// As the worker does it.
fn take_in(shop: &Shop<'_>, kind: ImportKind, file: &str) -> Taken {
    let id: ImportId =
        shop.does(|tx, ctx| imports::prepare(tx, ctx, "file.csv", file.as_bytes(), Like::Names(kind))).unwrap();
    let dry = shop.db.read(|tx| imports::dry_run(tx, id)).unwrap();
    shop.does(|tx, ctx| imports::start(tx, ctx, id, true)).unwrap();
    let progress = shop.db.read(|tx| imports::Progress::open(tx, id)).unwrap();
    let ctx = Ctx::new(&shop.clock, Actor::Import(id));
    while shop.db.write(|tx| imports::work(tx, &ctx, id, &progress)).unwrap() {}
    let (import, rejects) =
        shop.db.read(|tx| Ok::<_, consign_oms::Error>((imports::get(tx, id)?, imports::rejects(tx, id)?))).unwrap();
    assert_eq!(import.state, ImportState::Done);
    let said = (dry.new as i64, dry.known as i64, dry.rejected as i64);
    assert_eq!(said, (import.taken_count, import.known_count, import.rejected_count), "the dry run said what happened");
    Taken { dry, import, rejects }
}

#[test]
fn a_process_import_skips_a_parked_and_a_locked_order_with_a_log_and_processes_the_others() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 9)]);
        let [_, b, c, d] = ["A", "B", "C", "D"].map(|reference| shop.take(paid(reference, &[("X", 1)])));
        shop.does(|tx, ctx| orders::park(tx, ctx, b.id, "")).unwrap();
        shop.does(|tx, ctx| orders::lock(tx, ctx, c.id, "")).unwrap();
        let file =
            format!("Reference,Consign number,Carrier,Tracking\nA,,DHL,T-1\nB,,,\nC,,,\n,{},,\n,99999,,\n", d.id);
        let taken = take_in(&shop, ImportKind::Process, &file);
        assert_eq!(taken.counts(), (2, 0, 3));
        assert_eq!(taken.dry.orders.iter().filter(|row| row.plan.starts_with("process order")).count(), 2);
        let reasons = taken.reasons();
        assert!(reasons[0].1.contains("parked") && reasons[1].1.contains("locked"), "{reasons:?}");
        assert_eq!(reasons[2], (6, "number: 99999 is no order's number"));
        let a = shop.order("A");
        assert_eq!((a.state, a.carrier.as_str(), a.tracking_number.as_str()), (OrderState::Processed, "DHL", "T-1"));
        assert_eq!(shop.order("D").state, OrderState::Processed);
        assert_eq!((shop.order("B").state, shop.order("C").state), (OrderState::Open, OrderState::Open));
        assert_eq!(shop.stock(x, shop.default).1, 7);
        let history = shop.db.read(|tx| consign_oms::history::list(tx, "order", a.id.0)).unwrap();
        assert_eq!(history[0].actor, format!("import {}", taken.import.id));
        assert_eq!(take_in(&shop, ImportKind::Process, &file).counts(), (0, 2, 3), "what is done is not done again");
        shop.verify();
    });
}

#[test]
fn an_order_that_can_not_be_processed_keeps_what_the_row_would_have_set() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 1)]);
        let order = shop.take(paid("A", &[("X", 2)]));
        let id = shop
            .does(|tx, ctx| {
                let like = Like::Names(ImportKind::Process);
                imports::prepare(tx, ctx, "p.csv", b"Reference,Tracking\nA,T-1\n", like)
            })
            .unwrap();
        shop.does(|tx, ctx| imports::start(tx, ctx, id, false)).unwrap();
        let progress = shop.db.read(|tx| imports::Progress::open(tx, id)).unwrap();
        while shop.does(|tx, ctx| imports::work(tx, ctx, id, &progress)).unwrap() {}
        let rejects = shop.db.read(|tx| imports::rejects(tx, id)).unwrap();
        assert!(rejects[0].reason.contains("1 × X"), "{rejects:?}");
        let after = shop.order("A");
        assert_eq!((after.state, after.tracking_number.as_str(), after.version), (OrderState::Open, "", order.version));
        shop.verify();
    });
}

#[test]
fn tracking_numbers_are_set_once_and_an_ambiguous_reference_is_told() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 9)]);
        shop.take(paid("A", &[("X", 1)]));
        let whole = shop.take(paid("B", &[("X", 2)]));
        shop.does(|tx, ctx| {
            let line = orders::view(tx, whole.id)?.lines[0].id;
            let part = orders::Part { lines: vec![(line, 1)], ..orders::Part::default() };
            orders::split(tx, ctx, whole.id, whole.version, &[part])
        })
        .unwrap();
        let file = "Order,Tracking number,Courier\nA,T-1,DHL\nB,T-2,\nC,T-3,\nA,,\n";
        let taken = take_in(&shop, ImportKind::Tracking, file);
        assert_eq!(taken.counts(), (1, 0, 3));
        let reasons = taken.reasons();
        assert!(reasons[0].1.contains("2 orders; give the number"), "{reasons:?}");
        assert!(
            reasons[1].1.contains("no order's reference") && reasons[2].1.contains("must not be empty"),
            "{reasons:?}"
        );
        let a = shop.order("A");
        assert_eq!((a.tracking_number.as_str(), a.carrier.as_str()), ("T-1", "DHL"));
        assert_eq!(take_in(&shop, ImportKind::Tracking, "Order,Tracking number\nA,T-1\n").counts(), (0, 1, 0));
        shop.verify();
    });
}

#[test]
fn items_are_made_and_changed_and_an_export_of_them_changes_nothing() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[]);
        let file = "SKU,Title,Barcode,Price,Currency,Weight,VAT\nX,New title,,12.5,EUR,,\nY,Plate,4006381333931 123456,3,GBP,250,20\n\
                    Z,,,three,GBP,1.5,\n,,,,,,\nW,,4006381333931,,,,\n";
        let id = shop
            .does(|tx, ctx| imports::prepare(tx, ctx, "i.csv", file.as_bytes(), Like::Names(ImportKind::Items)))
            .unwrap();
        shop.does(|tx, ctx| imports::start(tx, ctx, id, false)).unwrap();
        let progress = shop.db.read(|tx| imports::Progress::open(tx, id)).unwrap();
        while shop.does(|tx, ctx| imports::work(tx, ctx, id, &progress)).unwrap() {}
        let import = shop.db.read(|tx| imports::get(tx, id)).unwrap();
        assert_eq!((import.taken_count, import.known_count, import.rejected_count), (2, 0, 2), "a blank row is none");
        let rejects = shop.db.read(|tx| imports::rejects(tx, id)).unwrap();
        assert!(
            rejects[0].reason.contains("price: three is not a number")
                && rejects[0].reason.contains("weight_g: must be a whole")
        );
        assert!(rejects[1].reason.contains("belongs to another item"), "{rejects:?}");
        let y = shop.db.read(|tx| items::find_by_sku(tx, "Y")).unwrap().unwrap();
        assert_eq!((y.title.as_str(), y.price, y.weight_g, y.tax_rate.0), ("Plate", 30_000, 250, 200_000));
        let x = shop.db.read(|tx| items::find_by_sku(tx, "X")).unwrap().unwrap();
        assert_eq!((x.title.as_str(), x.price, x.currency.to_string().as_str()), ("New title", 125_000, "EUR"));
        let exported = shop
            .db
            .read(|tx| {
                exports::file(tx, Export::Items, &ExportFilter::default(), &exports::Columns::default(), FileKind::Csv)
            })
            .unwrap();
        let again = take_in(&shop, ImportKind::Items, &String::from_utf8(exported).unwrap());
        assert_eq!(again.counts(), (0, 2, 0));
        shop.verify();
    });
}

#[test]
fn stock_levels_are_set_and_waiting_orders_get_what_there_is() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 1)]);
        shop.take(paid("A", &[("X", 3)]));
        let file = "SKU,Location,Qty\nX,default,5\nX,West,7\nX,Moon,1\nQ,,1\nX,,-2\nX,,1.5\n";
        let taken = take_in(&shop, ImportKind::Stock, file);
        assert_eq!(taken.counts(), (2, 0, 4));
        assert_eq!(taken.dry.orders.iter().find(|row| row.line == 2).unwrap().plan, "X at Default: 1 → 5");
        assert_eq!((shop.stock(x, shop.default), shop.stock(x, shop.west)), ((2, 5), (7, 7)));
        assert_eq!(shop.order("A").stock_state, StockState::Full);
        let exported = shop
            .db
            .read(|tx| {
                exports::file(tx, Export::Stock, &ExportFilter::default(), &exports::Columns::default(), FileKind::Xlsx)
            })
            .unwrap();
        let id = shop
            .does(|tx, ctx| imports::prepare(tx, ctx, "s.xlsx", &exported, Like::Names(ImportKind::Stock)))
            .unwrap();
        let dry = shop.db.read(|tx| imports::dry_run(tx, id)).unwrap();
        assert_eq!((dry.new, dry.known, dry.rejected), (0, 2, 0), "an export changes nothing");
        shop.verify();
    });
}

#[test]
fn sku_links_link_the_lines_of_orders_that_are_open_already() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let waiting = shop.take(paid("A", &[("SHOP-X", 2)]));
        assert_eq!(waiting.stock_state, StockState::Unknown);
        let file = "Channel,Channel SKU,SKU\nmain,SHOP-X,X\nmain,SHOP-Y,NONE\nMoon,SHOP-Z,X\n";
        let taken = take_in(&shop, ImportKind::Listings, file);
        assert_eq!(taken.counts(), (1, 0, 2));
        assert_eq!(shop.order("A").stock_state, StockState::Full);
        assert_eq!(shop.stock(x, shop.default), (3, 5));
        assert_eq!(
            shop.take(paid("B", &[("SHOP-X", 1)])).stock_state,
            StockState::Full,
            "later orders are linked, too"
        );
        assert_eq!(
            take_in(&shop, ImportKind::Listings, "Channel,Channel SKU,SKU\nMain,SHOP-X,X\n").counts(),
            (0, 1, 0)
        );
        shop.verify();
    });
}

#[test]
fn how_a_file_is_read_can_be_said_by_hand() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[]);
        let like = Like::Names(ImportKind::Stock);
        let id = shop.does(|tx, ctx| imports::prepare(tx, ctx, "s.txt", b"X~4\nX~9\n", like)).unwrap();
        shop.does(|tx, ctx| {
            let mut mapping = imports::get(tx, id)?.mapping();
            mapping.reading.delimiter = Some('~');
            mapping.reading.headerless = true;
            mapping.columns.insert("sku".to_owned(), "{Column 1}".to_owned());
            mapping.columns.insert("on_hand".to_owned(), "{Column 2}".to_owned());
            imports::remap(tx, ctx, id, &mapping, "", shop.west, Some("counts"))
        })
        .unwrap();
        assert_eq!(shop.db.read(|tx| imports::get(tx, id)).unwrap().header(), ["Column 1", "Column 2"]);
        let dry = shop.db.read(|tx| imports::dry_run(tx, id)).unwrap();
        assert_eq!((dry.new, dry.mapping_faults.len()), (2, 0));
        let like = Like::Profile("counts");
        let second = shop.does(|tx, ctx| imports::prepare(tx, ctx, "s.txt", b"X~5\n", like)).unwrap();
        let dry = shop.db.read(|tx| imports::dry_run(tx, second)).unwrap();
        assert_eq!(dry.orders[0].plan, "X at West: 0 → 5");
        let like = Like::Profile("no such");
        assert!(shop.does(|tx, ctx| imports::prepare(tx, ctx, "s.txt", b"X~5\n", like)).is_err());
    });
}

#[test]
fn a_centre_is_sent_its_orders_as_a_file_and_its_answers_and_its_stock_come_back_as_files() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 9)]);
        let form = LocationForm { name: "Depot".to_owned(), fulfilment_centre: true, ..LocationForm::default() };
        let depot = shop.does(|tx, ctx| locations::create(tx, ctx, &form)).unwrap();
        let counted = take_in(&shop, ImportKind::Stock, "SKU,Location,On hand\nX,Depot,40\n");
        assert_eq!((counted.counts(), shop.stock(x, depot)), ((1, 0, 0), (40, 40)), "its feed is the truth there");
        let [a, b, c, d] = ["A", "B", "C", "D"].map(|reference| shop.take(paid(reference, &[("X", 1)])));
        for order in [&a, &b, &c] {
            shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, depot)).unwrap();
        }
        let sent = || {
            let filter = ExportFilter { location: Some(depot), ..ExportFilter::default() };
            let columns = exports::Columns::parse(Export::CentreOrders, "reference").unwrap();
            let bytes =
                db.read(|tx| exports::file(tx, Export::CentreOrders, &filter, &columns, FileKind::Csv)).unwrap();
            String::from_utf8(bytes)
                .unwrap()
                .trim_start_matches('\u{feff}')
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(sent(), "reference A B C");
        let file = "Reference,Status,Error,Tracking number\nA,Shipped,,RM1\nB,CANCELED,,\nC,error,no such flat,\nD,shipped,,\nC,lost,,\n";
        let taken = take_in(&shop, ImportKind::Centre, file);
        assert_eq!(taken.counts(), (3, 0, 2));
        assert!(
            taken.rejects[0].reason.contains("no fulfilment centre")
                && taken.rejects[1].reason.contains("lost is none of")
        );
        let state = |order: &Order| db.read(|tx| orders::view(tx, order.id)).unwrap();
        assert_eq!((state(&a).order.state, state(&a).order.tracking_number.as_str()), (OrderState::Processed, "RM1"));
        assert!(!state(&b).order.parked, "it is ours again");
        assert!(state(&c).notes[0].body.contains("no such flat"));
        assert_eq!(sent(), "reference C");
        let again = take_in(&shop, ImportKind::Centre, "Reference,Status,Error\nA,Shipped,\nC,error,no such flat\n");
        assert_eq!(again.counts(), (0, 2, 0), "what it said before is nothing new");
        assert_eq!(state(&d).order.state, OrderState::Open);
        shop.verify();
    });
}
