//! Files that come and go by themselves: what is taken in, what is passed over, what is left, and what is refused.

use consign_db::testing::on_each_engine;
use consign_oms::channels::KeyRing;
use consign_oms::imports::{self, ImportKind, ImportState, Like};
use consign_oms::schedules::{self, Direction, ExportLayout, RunOutcome, ScheduleForm, Timetable};
use consign_oms::{Error, MIGRATIONS, Refusal, jobs};
use consign_ports::{Place, PlaceKind};
use consign_values::ScheduleId;

use crate::shop::{Shop, paid};

fn keys() -> KeyRing {
    KeyRing::new([7; 32])
}

fn form(direction: Direction, what: &str) -> ScheduleForm {
    ScheduleForm {
        name: format!("{direction} of {what}"),
        direction,
        what: what.to_owned(),
        place: Place {
            kind: PlaceKind::Sftp,
            address: "files.example.com".to_owned(),
            path: "x/stock.csv".to_owned(),
            user: "bob".to_owned(),
            fingerprint: "SHA256:abc".to_owned(),
        },
        secret: Some("open sesame".to_owned()),
        timetable: Timetable::default(),
        layout: ExportLayout::default(),
        enabled: true,
    }
}

/// A kept mapping for stock levels.
fn keep_mapping(shop: &Shop<'_>) {
    shop.does(|tx, ctx| {
        let id = imports::prepare(tx, ctx, "s.csv", b"SKU,Qty\nX,1\n", Like::Names(ImportKind::Stock))?;
        let mapping = imports::get(tx, id)?.mapping();
        imports::remap(tx, ctx, id, &mapping, "", shop.west, Some("counts"))?;
        imports::cancel(tx, ctx, id)
    })
    .unwrap();
}

fn create(shop: &Shop<'_>, form: &ScheduleForm) -> Result<ScheduleId, Error> {
    shop.does(|tx, ctx| schedules::create(tx, ctx, &keys(), form))
}

fn arrive(shop: &Shop<'_>, id: ScheduleId, bytes: &[u8]) -> (RunOutcome, Option<consign_values::ImportId>) {
    shop.does(|tx, ctx| schedules::arrived(tx, ctx, id, "stock.csv", bytes)).unwrap();
    let runs = shop.db.read(|tx| schedules::runs(tx, id)).unwrap();
    (runs[0].outcome, runs[0].import_id)
}

#[test]
fn a_fetched_file_is_taken_in_once_and_the_same_bytes_are_passed_over() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.west, 1)]);
        keep_mapping(&shop);
        let id = create(&shop, &form(Direction::Import, "counts")).unwrap();
        let (outcome, import) = arrive(&shop, id, b"SKU,Qty\nX,4\n");
        assert_eq!(outcome, RunOutcome::Done);
        let import = import.unwrap();
        let progress = shop.db.read(|tx| imports::Progress::open(tx, import)).unwrap();
        while shop.does(|tx, ctx| imports::work(tx, ctx, import, &progress)).unwrap() {}
        assert_eq!(shop.db.read(|tx| imports::get(tx, import)).unwrap().state, ImportState::Done);
        assert_eq!(shop.stock(x, shop.west), (4, 4));
        assert_eq!(arrive(&shop, id, b"SKU,Qty\nX,4\n"), (RunOutcome::Unchanged, None));
        assert_eq!(arrive(&shop, id, b"SKU,Qty\nX,5\n").0, RunOutcome::Done);
        assert_eq!(
            arrive(&shop, id, b"SKU,Qty\nX,4\n").0,
            RunOutcome::Done,
            "it is another file than that of last time"
        );
        let imports = shop.db.read(imports::list).unwrap().len();
        assert_eq!(arrive(&shop, id, b"Article,Number\nX,4\n").0, RunOutcome::Failed);
        assert_eq!(shop.db.read(imports::list).unwrap().len(), imports, "what can't be begun leaves nothing behind");
        let schedule = shop.db.read(|tx| schedules::get(tx, id)).unwrap();
        assert!(schedule.last_message.contains("the file has not"), "{}", schedule.last_message);
        shop.verify();
    });
}

#[test]
fn a_schedule_has_a_job_while_it_is_on_and_its_password_is_sealed() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        keep_mapping(&shop);
        let id = create(&shop, &form(Direction::Import, "counts")).unwrap();
        let next = shop.db.read(|tx| schedules::next_at(tx, id)).unwrap().unwrap();
        assert_eq!(next.seconds_since(shop.clock_now()), 3_600);
        let schedule = shop.db.read(|tx| schedules::get(tx, id)).unwrap();
        assert!(!String::from_utf8_lossy(&schedule.secret).contains("sesame"));
        assert_eq!(schedule.open_secret(&keys()).unwrap(), "open sesame");
        shop.does(|tx, ctx| schedules::run_now(tx, ctx, id)).unwrap();
        let due = shop.does(jobs::due).unwrap();
        assert_eq!(due.iter().filter(|job| job.kind == "schedule").count(), 1);

        let off = ScheduleForm { enabled: false, secret: None, ..form(Direction::Import, "counts") };
        shop.does(|tx, ctx| schedules::edit(tx, ctx, &keys(), id, 1, &off)).unwrap();
        assert_eq!(shop.db.read(|tx| schedules::next_at(tx, id)).unwrap(), None);
        let run = shop.does(|tx, ctx| schedules::run_now(tx, ctx, id));
        assert!(matches!(run, Err(Error::Refused(Refusal::ScheduleOff))), "{run:?}");
        let schedule = shop.db.read(|tx| schedules::get(tx, id)).unwrap();
        assert_eq!(schedule.open_secret(&keys()).unwrap(), "open sesame", "kept");
        let elsewhere = Place { address: "evil.example.com".to_owned(), ..off.place.clone() };
        let moved = ScheduleForm { place: elsewhere, ..off.clone() };
        let stale = shop.does(|tx, ctx| schedules::edit(tx, ctx, &keys(), id, 1, &moved));
        assert!(matches!(stale, Err(Error::Stale)));
        shop.does(|tx, ctx| schedules::edit(tx, ctx, &keys(), id, 2, &moved)).unwrap();
        let schedule = shop.db.read(|tx| schedules::get(tx, id)).unwrap();
        assert_eq!(schedule.open_secret(&keys()).unwrap(), "", "a password does not go to another server");
        shop.does(|tx, ctx| schedules::delete(tx, ctx, id)).unwrap();
        assert!(shop.db.read(schedules::list).unwrap().is_empty());
    });
}

#[test]
fn an_export_is_left_with_the_columns_that_were_chosen() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 9)]);
        shop.take(paid("A", &[("X", 2)]));
        let layout = ExportLayout {
            columns: "quantity = Units\nreference\n\nsku=Article".to_owned(),
            days: Some(36_500),
            ..ExportLayout::default()
        };
        let id = create(&shop, &ScheduleForm { layout, ..form(Direction::Export, "orders") }).unwrap();
        let schedule = shop.db.read(|tx| schedules::get(tx, id)).unwrap();
        let bytes = shop.does(|tx, ctx| schedules::outgoing(tx, ctx, &schedule)).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "Units,reference,Article\n2,A,X\n");
    });
}

#[test]
fn what_can_not_work_is_refused_with_its_field() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        keep_mapping(&shop);
        let good = form(Direction::Import, "counts");
        create(&shop, &good).unwrap();
        let columns = |text: &str| ExportLayout { columns: text.to_owned(), ..ExportLayout::default() };
        let out = |layout| ScheduleForm { name: "out".to_owned(), layout, ..form(Direction::Export, "orders") };
        let at = |change: fn(&mut Place)| {
            let mut form = ScheduleForm { name: "other".to_owned(), ..good.clone() };
            change(&mut form.place);
            form
        };
        for (wrong, field) in [
            (good.clone(), "name"),
            (ScheduleForm { what: "nothing kept".to_owned(), ..good.clone() }, "what"),
            (out(columns("sku\nplanet")), "columns"),
            (out(columns("sku\ntitle = sku")), "columns"),
            (out(ExportLayout { days: Some(0), ..ExportLayout::default() }), "days"),
            (ScheduleForm { what: "users".to_owned(), ..out(columns("")) }, "what"),
            (at(|place| place.path.clear()), "path"),
            (at(|place| place.address.clear()), "address"),
            (at(|place| place.fingerprint = "12:34".to_owned()), "fingerprint"),
            (at(|place| place.kind = PlaceKind::Http), "path"),
        ] {
            let Err(Error::Invalid(errors)) = create(&shop, &wrong) else { panic!("{field} was taken") };
            assert!(errors.of_field(field).is_some(), "{field}: {errors}");
        }
    });
}
