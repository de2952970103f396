//! Any sequence of events leaves the books right: the invariants of reference 4.7 on random days of a small company.

use consign_db::{Db, Tx};
use consign_oms::orders::{CentreAnswer, CentreStatus};
use consign_oms::{Ctx, Error, MIGRATIONS, locations, orders, stock};
use consign_ports::{ChannelPayment, IncomingOrder};
use consign_values::{ItemId, LocationId, OrderId};
use proptest::prelude::*;

use crate::shop::{Shop, paid, unpaid};

/// Something that happens. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Event {
    Sell {
        is_paid: bool,
        lines: Vec<(usize, i64)>,
    },
    Report(usize, ChannelPayment),
    Lock(usize),
    Unlock(usize),
    Park(usize),
    Unpark(usize),
    Move(usize, bool),
    /// To the centre whose feed is net of orders, to the one that counts until it acknowledges, to the one that counts until processed.
    HandOver(usize, usize),
    Answer(usize, CentreStatus),
    Feed(usize, usize, i64),
    /// Flags of a centre change, where they may.
    Turn(usize, bool),
    Process(usize),
    Cancel(usize),
    Delete(usize),
    Count(usize, bool, i64),
    Track(usize, bool, bool),
}

fn event() -> impl Strategy<Value = Event> {
    let order = 0_usize..12;
    let lines = prop::collection::vec((0_usize..4, 1_i64..4), 1..4);
    prop_oneof![
        4 => (any::<bool>(), lines).prop_map(|(is_paid, lines)| Event::Sell { is_paid, lines }),
        2 => order.clone().prop_map(|n| Event::Report(n, ChannelPayment::Paid)),
        1 => order.clone().prop_map(|n| Event::Report(n, ChannelPayment::Cancelled)),
        1 => order.clone().prop_map(Event::Lock),
        1 => order.clone().prop_map(Event::Unlock),
        1 => order.clone().prop_map(Event::Park),
        1 => order.clone().prop_map(Event::Unpark),
        2 => (order.clone(), any::<bool>()).prop_map(|(n, west)| Event::Move(n, west)),
        3 => (order.clone(), 0_usize..3).prop_map(|(n, centre)| Event::HandOver(n, centre)),
        4 => (order.clone(), prop::sample::select(CentreStatus::ALL)).prop_map(|(n, status)| Event::Answer(n, status)),
        1 => (0_usize..4, 0_usize..3, 0_i64..9).prop_map(|(item, centre, units)| Event::Feed(item, centre, units)),
        1 => (0_usize..3, any::<bool>()).prop_map(|(centre, on)| Event::Turn(centre, on)),
        2 => order.clone().prop_map(Event::Process),
        1 => order.clone().prop_map(Event::Cancel),
        1 => order.prop_map(Event::Delete),
        2 => (0_usize..4, any::<bool>(), 0_i64..12).prop_map(|(item, west, units)| Event::Count(item, west, units)),
        1 => (0_usize..4, any::<bool>(), any::<bool>()).prop_map(|(item, west, on)| Event::Track(item, west, on)),
    ]
}

struct Day<'d> {
    shop: Shop<'d>,
    items: Vec<ItemId>,
    centres: [LocationId; 3],
    sold: Vec<IncomingOrder>,
}

impl Day<'_> {
    fn place(&self, west: bool) -> LocationId {
        if west { self.shop.west } else { self.shop.default }
    }

    /// Available and on hand of every level.
    fn figures(&self) -> Vec<(i64, i64)> {
        let places: Vec<LocationId> = [self.shop.default, self.shop.west].into_iter().chain(self.centres).collect();
        self.items.iter().flat_map(|item| places.iter().map(|place| self.shop.stock(*item, *place))).collect()
    }

    fn on_hand(&self) -> Vec<i64> {
        self.figures().into_iter().map(|(_, on_hand)| on_hand).collect()
    }

    fn available(&self) -> Vec<i64> {
        self.figures().into_iter().map(|(available, _)| available).collect()
    }

    /// Does a thing to an order, if there is one; whether it was done. A refusal is fine, anything else that fails is not.
    fn with(&self, n: usize, work: impl Fn(&mut Tx<'_>, &Ctx<'_>, OrderId) -> Result<(), Error>) -> bool {
        let Some(sold) = self.sold.get(n % self.sold.len().max(1)) else { return false };
        let id = self.shop.order(sold.reference.as_str()).id;
        match self.shop.does(|tx, ctx| work(tx, ctx, id)) {
            Ok(()) => true,
            Err(Error::Refused(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    fn sell(&mut self, is_paid: bool, lines: &[(usize, i64)]) {
        let skus: Vec<(String, i64)> = lines.iter().map(|(item, units)| (format!("X{item}"), *units)).collect();
        let lines: Vec<(&str, i64)> = skus.iter().map(|(sku, units)| (sku.as_str(), *units)).collect();
        let reference = format!("R{}", self.sold.len());
        let order = if is_paid { paid(&reference, &lines) } else { unpaid(&reference, &lines) };
        self.shop.take(order.clone());
        self.sold.push(order);
    }

    fn report(&mut self, n: usize, payment: ChannelPayment) {
        let count = self.sold.len().max(1);
        if let Some(order) = self.sold.get_mut(n % count) {
            order.payment = payment;
            self.shop.take(order.clone());
        }
    }

    fn happen(&mut self, event: &Event) {
        let (figures, on_hand, available) = (self.figures(), self.on_hand(), self.available());
        match event.clone() {
            Event::Sell { is_paid, lines } => self.sell(is_paid, &lines),
            Event::Report(n, payment) => self.report(n, payment),
            Event::Lock(n) => {
                if self.with(n, |tx, ctx, id| orders::lock(tx, ctx, id, "")) {
                    assert!(self.with(n, orders::unlock));
                    assert_eq!(figures, self.figures(), "lock and unlock are an identity");
                    assert!(self.with(n, |tx, ctx, id| orders::lock(tx, ctx, id, "")));
                }
            }
            Event::Unlock(n) => drop(self.with(n, orders::unlock)),
            Event::Park(n) => drop(self.with(n, |tx, ctx, id| orders::park(tx, ctx, id, ""))),
            Event::Unpark(n) => drop(self.with(n, orders::unpark)),
            Event::Move(n, west) => drop(self.with(n, |tx, ctx, id| orders::move_to(tx, ctx, id, self.place(west)))),
            Event::HandOver(n, centre) => {
                let to = self.centres[centre];
                if self.with(n, |tx, ctx, id| orders::move_to(tx, ctx, id, to)) {
                    let home = self.shop.default;
                    let back = self.with(n, |tx, ctx, id| orders::move_to(tx, ctx, id, home));
                    assert!(self.is_own(to) || !back, "nothing leaves a centre before it answers");
                    if back {
                        assert!(self.with(n, |tx, ctx, id| orders::move_to(tx, ctx, id, to)));
                    }
                }
            }
            Event::Answer(n, status) => {
                let text = "so it says".to_owned();
                let (carrier, service, tracking_number) = (String::new(), String::new(), format!("T{n}"));
                let answer = CentreAnswer { status, text, carrier, service, tracking_number };
                self.with(n, |tx, ctx, id| orders::centre_answered(tx, ctx, id, &answer));
            }
            Event::Feed(item, centre, units) => {
                let (item, place) = (self.items[item], self.centres[centre]);
                let fed = self.shop.does(|tx, ctx| stock::feed(tx, ctx, item, place, units, "feed"));
                assert!(matches!(fed, Ok(_) | Err(Error::Refused(_))), "{fed:?}");
            }
            Event::Turn(centre, on) => {
                let form = locations::LocationForm { fulfilment_centre: on, ..form(centre) };
                let form = if on { form } else { own(form) };
                let turned = self.shop.does(|tx, ctx| locations::edit(tx, ctx, self.centres[centre], &form));
                assert!(matches!(turned, Ok(()) | Err(Error::Refused(_))), "{turned:?}");
            }
            Event::Process(n) => drop(self.with(n, orders::process)),
            Event::Cancel(n) => drop(self.with(n, |tx, ctx, id| orders::cancel(tx, ctx, id, "a test", false))),
            Event::Delete(n) => drop(self.with(n, |tx, ctx, id| orders::delete(tx, ctx, id, "a test"))),
            Event::Count(item, west, units) => {
                let (item, place) = (self.items[item], self.place(west));
                let counted = self.shop.does(|tx, ctx| stock::set_level(tx, ctx, item, place, units, "counted"));
                assert!(matches!(counted, Ok(_) | Err(Error::Refused(_))), "{counted:?}");
            }
            Event::Track(item, west, on) => {
                let (item, place) = (self.items[item], self.place(west));
                self.shop.does(|tx, ctx| stock::set_tracked(tx, ctx, item, place, on)).unwrap();
            }
        }
        match event {
            Event::Process(_) => assert_eq!(available, self.available(), "processing leaves available as it is"),
            Event::Count(..) | Event::Feed(..) | Event::Answer(..) => {}
            Event::Park(_) | Event::Unpark(_) => assert_eq!(figures, self.figures(), "parking changes no figure"),
            _ => assert_eq!(on_hand, self.on_hand(), "only processing and counting move units"),
        }
    }
}

impl Day<'_> {
    fn is_own(&self, place: LocationId) -> bool {
        !self.shop.db.read(|tx| locations::get(tx, place)).unwrap().fulfilment_centre
    }
}

/// The three ways of a centre with stock.
fn form(centre: usize) -> locations::LocationForm {
    locations::LocationForm {
        name: format!("Centre {centre}"),
        allow_negative: false,
        fulfilment_centre: true,
        count_until_acknowledged: centre > 0,
        deduct_when_processed: centre > 1,
    }
}

fn own(form: locations::LocationForm) -> locations::LocationForm {
    locations::LocationForm { count_until_acknowledged: false, deduct_when_processed: false, ..form }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_sequence_of_events_leaves_the_books_right(events in prop::collection::vec(event(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("day.db").display())).unwrap();
        db.migrate(MIGRATIONS).unwrap();
        let shop = Shop::open(&db);
        shop.set(|settings| settings.download_unpaid = true);
        let items: Vec<ItemId> = (0..4).map(|n| shop.item(&format!("X{n}"), &[(shop.default, 6), (shop.west, 3)])).collect();
        let centres = [0, 1, 2].map(|n| shop.does(|tx, ctx| locations::create(tx, ctx, &form(n))).unwrap());
        for (item, centre) in items.iter().flat_map(|item| centres.map(|centre| (*item, centre))) {
            shop.does(|tx, ctx| stock::feed(tx, ctx, item, centre, 4, "feed")).unwrap();
        }
        let mut day = Day { shop, items, centres, sold: Vec::new() };
        for event in &events {
            day.happen(event);
            day.shop.verify();
        }
    }
}
