//! Exports: the import of an export makes the same orders; formulas are defused; what is left out.

use consign_db::testing::on_each_engine;
use consign_oms::exports::{self, Export, ExportFilter};
use consign_oms::imports::{self, IMPORTED, ImportState, Mapping};
use consign_oms::marks::{self, MarkForm, MarkKind};
use consign_oms::{Error, MIGRATIONS, items, orders};
use consign_sheets::{FileKind, Sheet};
use consign_values::{LineId, OrderId, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::shop::Shop;

fn export(shop: &Shop<'_>, what: Export, filter: &ExportFilter, kind: FileKind) -> Sheet {
    let bytes = shop.db.read(|tx| exports::file(tx, what, filter, &exports::Columns::default(), kind)).unwrap();
    Sheet::read(&bytes).unwrap()
}

/// The rows with that sub-source, without what differs between an order and its copy.
fn rows(sheet: &Sheet, sub_source: &str) -> Vec<Vec<String>> {
    let column = |name: &str| sheet.header().iter().position(|known| known == name).unwrap();
    let (sub, number) = (column("sub_source"), column("consign_number"));
    let all = (0..sheet.len()).map(|row| sheet.row(row)).filter(|cells| cells[sub] == sub_source);
    let mut rows: Vec<Vec<String>> = all
        .map(|mut cells| {
            cells[sub].clear();
            cells[number].clear();
            cells
        })
        .collect();
    rows.sort();
    rows
}

fn take_in(shop: &Shop<'_>, file: &[u8], sub_source: &str) {
    let id = shop
        .does(|tx, ctx| imports::prepare(tx, ctx, "file.csv", file, imports::Like::Names(imports::ImportKind::Orders)))
        .unwrap();
    shop.does(|tx, ctx| {
        let mut mapping = imports::get(tx, id)?.mapping();
        mapping.columns.insert("sub_source".to_owned(), sub_source.to_owned());
        imports::remap(tx, ctx, id, &mapping, "", shop.default, None)?;
        imports::start(tx, ctx, id, true)
    })
    .unwrap();
    let progress = shop.db.read(|tx| imports::Progress::open(tx, id)).unwrap();
    while shop.does(|tx, ctx| imports::work(tx, ctx, id, &progress)).unwrap() {}
    let run = shop.db.read(|tx| imports::get(tx, id)).unwrap();
    let rejects = shop.db.read(|tx| imports::rejects(tx, id)).unwrap();
    assert_eq!((run.state, run.rejected_count), (ImportState::Done, 0), "{rejects:?}");
}

/// All that is known of the orders with that sub-source, without what differs between an order and its copy.
fn kept(shop: &Shop<'_>, sub_source: &str, count: usize) -> Vec<String> {
    let view = |number: usize| {
        let id = shop
            .db
            .read(|tx| orders::find_by_reference(tx, IMPORTED, sub_source, &format!("R-{number}")))
            .unwrap()
            .unwrap()
            .id;
        let mut view = shop.db.read(|tx| orders::view(tx, id)).unwrap();
        let order = orders::Order { id: OrderId(0), sub_source: String::new(), ..view.order };
        let detail = orders::Detail { order_id: OrderId(0), provenance: String::new(), ..view.detail };
        view.lines.iter_mut().for_each(|line| line.id = LineId(0));
        let notes: Vec<(bool, String)> = view.notes.into_iter().map(|note| (note.internal, note.body)).collect();
        let marks: Vec<String> = view.marks.into_iter().map(|mark| mark.name).collect();
        format!("{order:?} {detail:?} {:?} {notes:?} {marks:?}", view.lines)
    };
    (0..count).map(view).collect()
}

const HEADER: &str = "reference,sku,item_number,title,quantity,unit_price,tax_rate,tax_inclusive,line_discount,option_name,\
    option_value,received_at,despatch_by,status,payment_method,currency,postage,postage_tax_rate,carrier,service,tag,note,\
    internal_note,property_name,property_value,tax_number,delivery_full_name,delivery_phone,delivery_town,\
    delivery_postcode,delivery_country_code,billing_full_name,billing_address1,\
    secondary_reference,external_reference,buyer,paid_at,discount,tracking_number,delivery_company,delivery_line1,\
    delivery_line2,delivery_line3,delivery_region,delivery_email,billing_company,billing_address2,billing_address3,\
    billing_town,billing_region,billing_postcode,billing_country_code,billing_phone,billing_email,options,properties,\
    folders,identifiers";
/// What the last columns of [`HEADER`] hold in every row.
const REST: &str = "S-1,E-1,ann77,2026-11-20T11:22:33Z,0.25,TRACK1,Lee Ltd,1 High Street,Flat 2,Rear,West,ann@example.com,Payer Ltd,\
    Floor 3,Yard,Ghent,East,9000,BE,0032,pay@example.com";
/// More options and properties than one.
const PAIRS: &str = "\"Colour=red\nEngraving=To =you\",\"Channel\\=id=A\nSecond=2\",\"Urgent\nTo, check\",Amazon Prime";

#[derive(Clone, Debug)]
struct Made {
    lines: Vec<(bool, u8, u32, u8, bool)>,
    postage: (u16, u8),
    words: [String; 6],
    paid: bool,
    tag: u8,
}

fn made() -> impl Strategy<Value = Made> {
    let line = (any::<bool>(), 1..9_u8, 10_000..2_000_000_u32, 0..26_u8, any::<bool>());
    let word = "[=+@'-]{0,2}[a-zA-Z0-9éß,;\" ]{0,12}";
    (
        proptest::collection::vec(line, 1..5),
        (0..5_000_u16, 0..26_u8),
        [word, word, word, word, word, word],
        any::<bool>(),
        0..7_u8,
    )
        .prop_map(|(lines, postage, words, paid, tag)| Made { lines, postage, words, paid, tag })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn csv(orders: &[Made]) -> Vec<u8> {
    let mut text = format!("{HEADER}\n");
    for (number, order) in orders.iter().enumerate() {
        let [name, phone, town, note, internal, option] = order.words.each_ref().map(|word| quoted(word));
        let (postage, rate) = order.postage;
        let (status, tag) = (if order.paid { "paid" } else { "unpaid" }, order.tag);
        for (line, (known, quantity, price, tax, inclusive)) in order.lines.iter().enumerate() {
            let sku = if *known { "X" } else { "UNKNOWN" };
            let price = f64::from(*price) / 10_000.0;
            text.push_str(&format!(
                "R-{number},{sku},L{line},{name},{quantity},{price:.4},{tax},{inclusive},0.5,Size,{option},2026-11-20T10:00:00Z,2026-12-01T17:00:00Z,\
                 {status},Card,GBP,{}.{:02},{rate},Post,Fast,{tag},{note},{internal},Gift,{town},T{rate},{name},{phone},\
                 {town},AB1 2CD,GB,{name},{town},{REST},{PAIRS}\n",
                postage / 100,
                postage % 100
            ));
        }
    }
    text.into_bytes()
}

#[test]
fn the_import_of_an_export_is_identity() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        for name in ["Urgent", "To, check"] {
            let form = MarkForm { name: name.to_owned(), ..MarkForm::default() };
            shop.does(|tx, ctx| marks::create(tx, ctx, MarkKind::Folder, &form)).unwrap();
        }
        shop.item("X", &[(shop.default, 1_000_000)]);
        let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
        let orders = proptest::collection::vec(made(), 1..6);
        let round = std::cell::Cell::new(0);
        runner
            .run(&orders, |orders| {
                round.set(round.get() + 1);
                let [original, csv_copy, xlsx_copy] = ["A", "B", "C"].map(|name| format!("{name}{}", round.get()));
                take_in(&shop, &csv(&orders), &original);
                let expected = rows(&export(&shop, Export::Orders, &ExportFilter::default(), FileKind::Csv), &original);
                prop_assert_eq!(expected.len(), orders.iter().map(|order| order.lines.len()).sum::<usize>());
                let options = orders
                    .iter()
                    .flat_map(|order| order.lines.iter().map(|_| consign_sheets::meant(order.words[5].trim())));
                prop_assert!(
                    options
                        .into_iter()
                        .all(|option| expected.iter().any(|row| row.iter().any(|cell| cell.contains(option))))
                );
                for (kind, copy) in [(FileKind::Csv, &csv_copy), (FileKind::Xlsx, &xlsx_copy)] {
                    let all = shop
                        .db
                        .read(|tx| {
                            exports::file(
                                tx,
                                Export::Orders,
                                &ExportFilter::default(),
                                &exports::Columns::default(),
                                kind,
                            )
                        })
                        .unwrap();
                    let sheet = Sheet::read(&all).unwrap();
                    let column = sheet.header().iter().position(|name| name == "sub_source").unwrap();
                    let own = (0..sheet.len()).map(|row| sheet.row(row)).filter(|cells| cells[column] == original);
                    let own: Vec<Vec<String>> = own.collect();
                    let file = match kind {
                        FileKind::Csv => consign_sheets::to_csv(sheet.header(), &own),
                        FileKind::Xlsx => consign_sheets::to_xlsx(sheet.header(), &own).unwrap(),
                    };
                    take_in(&shop, &file, copy);
                    let again = export(&shop, Export::Orders, &ExportFilter::default(), kind);
                    prop_assert_eq!(&rows(&again, copy), &expected);
                    prop_assert_eq!(&kept(&shop, copy, orders.len()), &kept(&shop, &original, orders.len()));
                }
                Ok(())
            })
            .unwrap();
        shop.verify();
    });
}

/// What an export says in another column: as an amount, among the options, among the properties.
const OTHERWISE: &[&str] = &[
    "line_discount_percent",
    "option_name",
    "option_value",
    "property_name",
    "property_value",
    "delivery_start",
    "delivery_end",
];

#[test]
fn every_column_of_an_export_that_an_import_has_is_matched_by_its_name() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let sheet = export_header(&shop);
        let mapping = Mapping::matched(imports::ImportKind::Orders, &sheet);
        for column in imports::ImportKind::Orders.columns().iter().filter(|c| !OTHERWISE.contains(&c.code)) {
            let template = mapping.template(column.code).unwrap_or_default();
            let plain = column.code.replace('.', "_");
            let named = [format!("{{{plain}}}"), format!("{{{}}}", plain.replace("billing_line", "billing_address"))];
            assert!(named.contains(&template.to_owned()), "{}: {template}", column.code);
        }
        assert!(mapping.faults(&sheet).is_empty());
    });
}

fn export_header(shop: &Shop<'_>) -> Vec<String> {
    export(shop, Export::Orders, &ExportFilter::default(), FileKind::Csv).header().to_vec()
}

#[test]
fn parked_orders_are_exported_and_locked_or_older_ones_or_those_elsewhere_are_not() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let file = "reference,sku,quantity,currency,received_at,location\nPARKED,X,1,GBP,2026-11-20,Default\n\
                    LOCKED,X,1,GBP,2026-11-20,Default\nOLD,X,1,GBP,2026-01-20,Default\nWEST,X,1,GBP,2026-11-20,West\n";
        take_in(&shop, file.as_bytes(), "Shop");
        let order = |reference: &str| {
            db.read(|tx| orders::find_by_reference(tx, IMPORTED, "Shop", reference)).unwrap().unwrap().id
        };
        shop.does(|tx, ctx| orders::park(tx, ctx, order("PARKED"), "")).unwrap();
        shop.does(|tx, ctx| orders::lock(tx, ctx, order("LOCKED"), "")).unwrap();
        let filter = ExportFilter {
            location: Some(shop.default),
            received_from: Timestamp::parse("2026-11-01"),
            received_until: None,
        };
        let sheet = export(&shop, Export::Orders, &filter, FileKind::Csv);
        let references: Vec<String> = (0..sheet.len()).map(|row| sheet.row(row)[0].clone()).collect();
        assert_eq!(references, ["PARKED"]);
    });
}

#[test]
fn items_and_stock_are_exported_with_their_figures_and_without_formulas() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("=cmd|' /C calc'!A0", &[(shop.default, 7), (shop.west, 3)]);
        shop.does(|tx, ctx| {
            let form = items::ItemForm {
                sku: "B".to_owned(),
                title: "Bee".to_owned(),
                barcodes: vec!["5012345678900".to_owned(), "ABC-1".to_owned()],
                weight_g: 250,
                price: 123_456,
                currency: "GBP".to_owned(),
                tax_rate: 200_000,
                ..items::ItemForm::default()
            };
            items::create(tx, ctx, &form)
        })
        .unwrap();
        let raw = db
            .read(|tx| {
                exports::file(tx, Export::Items, &ExportFilter::default(), &exports::Columns::default(), FileKind::Csv)
            })
            .unwrap();
        let raw = String::from_utf8(raw).unwrap();
        assert!(raw.contains("\n'=cmd|' /C calc'!A0,"), "{raw}");
        for kind in [FileKind::Csv, FileKind::Xlsx] {
            let sheet = export(&shop, Export::Items, &ExportFilter::default(), kind);
            assert_eq!(sheet.len(), 2);
            let bee = ["B", "Bee", "5012345678900 ABC-1", "250", "0", "0", "0", "12.3456", "GBP", "20"];
            assert_eq!(sheet.row(1), bee);
            let stock = export(&shop, Export::Stock, &ExportFilter::default(), kind);
            let figures: Vec<Vec<String>> = (0..stock.len()).map(|row| stock.row(row)[2..].to_vec()).collect();
            assert_eq!(figures, [["Default", "7", "0", "0", "7", "yes"], ["West", "3", "0", "0", "3", "yes"]]);
        }
        let west = ExportFilter { location: Some(shop.west), ..ExportFilter::default() };
        assert_eq!(export(&shop, Export::Stock, &west, FileKind::Csv).len(), 1);
    });
}

#[test]
fn an_export_of_more_rows_than_one_page_has_them_all_once() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let rows: String = (0..1_203).map(|n| format!("R-{n},X,1,GBP\n")).collect();
        take_in(&shop, format!("reference,sku,quantity,currency\n{rows}").as_bytes(), "Many");
        let sheet = export(&shop, Export::Orders, &ExportFilter::default(), FileKind::Csv);
        let mut references: Vec<String> = (0..sheet.len()).map(|row| sheet.row(row)[0].clone()).collect();
        references.sort();
        references.dedup();
        assert_eq!((sheet.len(), references.len()), (1_203, 1_203));
        let nowhere = shop.does(|tx, _| {
            let filter = ExportFilter { received_from: Timestamp::parse("9000-01-01"), ..ExportFilter::default() };
            exports::file(tx, Export::Orders, &filter, &exports::Columns::default(), FileKind::Csv)
        });
        let empty: Result<Vec<u8>, Error> = nowhere;
        assert!(Sheet::read(&empty.unwrap()).unwrap().is_empty());
    });
}
