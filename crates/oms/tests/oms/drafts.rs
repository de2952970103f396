//! Direct orders: drafts without effect, completed as any other order; the address book.

use consign_db::testing::on_each_engine;
use consign_oms::customers::{self, From};
use consign_oms::history;
use consign_oms::orders::{self, DraftForm, LineEdit, Order, OrderState, Payment};
use consign_oms::{Error, MIGRATIONS, Refusal};
use consign_values::{Address, DraftId, ItemId, Rate};

use crate::shop::{Shop, paid};

fn fill(shop: &Shop<'_>, item: ItemId, units: i64, change: impl Fn(&mut DraftForm)) -> DraftId {
    shop.does(|tx, ctx| {
        let id = orders::begin_draft(tx, ctx, shop.default)?;
        let draft = orders::draft(tx, id)?;
        let mut form = draft.form()?;
        form.order.delivery = Address {
            full_name: "Tom Whitfield".to_owned(),
            line1: "3 Mill Lane".to_owned(),
            postcode: "BS1 2AB".to_owned(),
            email: "Tom@example.com".to_owned(),
            ..Address::default()
        };
        form.order.postage = 39_500;
        form.order.lines = vec![LineEdit {
            id: None,
            item_id: Some(item),
            title: "A thing".to_owned(),
            is_service: false,
            quantity: units,
            unit_price: 100_000,
            discount: 5_000,
            tax_rate: Rate(200_000),
            tax_inclusive: false,
        }];
        change(&mut form);
        orders::save_draft(tx, ctx, id, draft.version, &form)?;
        Ok(id)
    })
    .unwrap()
}

fn complete(shop: &Shop<'_>, id: DraftId) -> Result<Order, Error> {
    shop.does(|tx, ctx| {
        let version = orders::draft(tx, id)?.version;
        let order = orders::complete_draft(tx, ctx, id, version)?;
        orders::get(tx, order)
    })
}

#[test]
fn a_draft_holds_nothing_and_a_completed_one_is_an_order_as_any_other() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let draft = fill(&shop, x, 2, |form| (form.paid, form.sub_source) = (true, "telephone".to_owned()));
        assert_eq!(shop.stock(x, shop.default), (5, 5));
        assert!(db.read(|tx| orders::search(tx, &orders::Filter::open())).unwrap().orders.is_empty());
        let order = complete(&shop, draft).unwrap();
        assert_eq!(shop.stock(x, shop.default), (3, 5));
        assert_eq!((order.source.as_str(), order.sub_source.as_str(), order.parked), ("DIRECT", "telephone", false));
        assert_eq!(order.reference, format!("D-{}", order.id));
        // Two at 10.00 less 0.50, with 20 % tax on it, and 3.95 of postage.
        assert_eq!(order.total, (200_000 - 5_000) * 12 / 10 + 39_500);
        assert!(db.read(orders::drafts).unwrap().is_empty());
        let found = db.read(|tx| orders::search(tx, &orders::Filter { text: "mill".into(), ..orders::Filter::open() }));
        assert!(found.unwrap().orders.is_empty(), "streets are not searched");
        shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        assert_eq!(db.read(|tx| orders::get(tx, order.id)).unwrap().state, OrderState::Processed);
        shop.verify();
    });
}

#[test]
fn an_unpaid_direct_order_is_parked_with_its_stock_until_it_is_marked_as_paid() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let order = complete(&shop, fill(&shop, x, 2, |_| ())).unwrap();
        assert!(order.parked && order.payment == Payment::Unpaid);
        assert_eq!(shop.stock(x, shop.default), (3, 5));
        shop.does(|tx, ctx| orders::mark_paid(tx, ctx, order.id)).unwrap();
        let now = db.read(|tx| orders::get(tx, order.id)).unwrap();
        assert!(!now.parked && now.payment == Payment::Paid);
        let again = shop.does(|tx, ctx| orders::mark_paid(tx, ctx, order.id));
        assert!(matches!(again, Err(Error::Refused(Refusal::AlreadyPaid))));
        shop.set(|settings| settings.download_unpaid = true);
        let channels = shop.take(crate::shop::unpaid("7", &[("X", 1)]));
        let early = shop.does(|tx, ctx| orders::mark_paid(tx, ctx, channels.id));
        assert!(matches!(early, Err(Error::Refused(Refusal::AwaitingPayment))), "its channel says so");
        shop.verify();
    });
}

#[test]
fn a_draft_that_is_not_complete_says_what_is_missing_and_stays() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let wrong = |change: fn(&mut DraftForm)| {
            let draft = fill(&shop, x, 2, change);
            let said = match complete(&shop, draft) {
                Err(Error::Invalid(errors)) => errors.to_string(),
                other => panic!("{other:?}"),
            };
            assert!(db.read(|tx| orders::draft(tx, draft)).is_ok());
            said
        };
        assert!(wrong(|form| form.order.delivery = Address::default()).contains("delivery"));
        assert!(wrong(|form| form.order.lines.clear()).contains("lines"));
        assert!(wrong(|form| form.order.lines[0].quantity = -2).contains("lines.1.quantity"));
        assert!(wrong(|form| form.order.lines[0].item_id = Some(ItemId(99_999))).contains("lines.1.item"));
        complete(&shop, fill(&shop, x, 1, |form| form.reference = "A-1".to_owned())).unwrap();
        assert!(wrong(|form| form.reference = "A-1".to_owned()).contains("reference"));
        assert_eq!(shop.stock(x, shop.default), (4, 5));
        let stale = shop.does(|tx, ctx| {
            let id = orders::begin_draft(tx, ctx, shop.default)?;
            orders::complete_draft(tx, ctx, id, 7)
        });
        assert!(matches!(stale, Err(Error::Stale)));
        shop.verify();
    });
}

#[test]
fn customers_are_kept_by_choice_and_found_again_with_those_of_past_orders() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 50)]);
        complete(&shop, fill(&shop, x, 1, |_| ())).unwrap();
        let found = |text: &str| db.read(|tx| customers::look_up(tx, text)).unwrap();
        assert!(matches!(found("tom@")[..], [ref one] if matches!(one.from, From::Order(_))));
        complete(&shop, fill(&shop, x, 1, |form| form.keep_customer = true)).unwrap();
        let moved =
            |form: &mut DraftForm| (form.keep_customer, form.order.delivery.line1) = (true, "9 New Road".into());
        complete(&shop, fill(&shop, x, 1, moved)).unwrap();
        let known = found("whitfield");
        assert!(matches!(known[0].from, From::Book(_)) && known[0].address.line1 == "9 New Road");
        let books = known.iter().filter(|known| matches!(known.from, From::Book(_))).count();
        assert_eq!(
            (books, known.len()),
            (1, 2),
            "one entry for one e-mail address, and the older address of past orders"
        );
        shop.take(paid("1", &[("X", 1)]));
        assert_eq!(found("ann lee").len(), 1);
        assert!(found("xy").is_empty() && found("%%%").is_empty());
    });
}

#[test]
fn the_address_book_is_paged_edited_without_touching_orders_and_an_entry_that_is_deleted_is_forgotten() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let address = |number: usize| Address {
            full_name: format!("Person {number:02}"),
            email: format!("p{number}@example.com"),
            postcode: "AB1 2CD".into(),
            ..Address::default()
        };
        let keep = |number| shop.does(|tx, ctx| customers::keep(tx, ctx, &address(number))).unwrap();
        let ids: Vec<_> = (0..60).map(keep).collect();
        let page = |text: &str, before| db.read(|tx| customers::book(tx, text, before)).unwrap();
        let (first, next) = page("", None);
        let (second, end) = page("", next);
        assert_eq!((first.len(), second.len(), end), (50, 10, None));
        assert_eq!((first[0].id, second[9].id), (ids[59], ids[0]), "latest first, each once");
        let one = &page("person 07", None).0[0];
        let edit = |seen, to: Address| shop.does(|tx, ctx| customers::edit(tx, ctx, one.id, seen, &to));
        let taken = edit(one.updated_at, Address { email: "P8@example.com".into(), ..address(7) });
        assert!(taken.unwrap_err().to_string().contains("another entry"), "each e-mail address has one entry");
        shop.clock.advance(60);
        edit(one.updated_at, Address { full_name: "Gone Girl".into(), ..address(7) }).unwrap();
        assert!(matches!(edit(one.updated_at, address(7)), Err(Error::Stale)), "two people never overwrite each other");
        assert!(page("person 07", None).0.is_empty());
        assert_eq!(page("gone girl", None).0[0].id, one.id);
        shop.does(|tx, ctx| customers::delete(tx, ctx, one.id)).unwrap();
        assert!(page("gone girl", None).0.is_empty());
        let said = db.read(|tx| history::list(tx, "customer", one.id.0)).unwrap();
        assert!(said.iter().all(|entry| !entry.detail.contains("Gone")), "the history quotes nobody who is deleted");
    });
}
