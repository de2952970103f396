//! The shop's books.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::Product;

/// Everything the shop knows.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Its orders, oldest first.
    pub orders: Vec<Order>,
    /// What it sells.
    pub products: BTreeMap<String, Product>,
    /// Stock figures that it was told.
    pub stock_updates: u64,
    /// Stock figures below zero that it was told. Must stay 0.
    pub negative_stock_updates: u64,
    /// Units sold that it did not have: what was oversold between two pushes.
    pub oversold: i64,
}

/// Whether an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// It is.
    Paid,
    /// Not yet.
    Unpaid,
    /// It was cancelled.
    Cancelled,
}

/// An order of the shop.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its number.
    pub reference: String,
    /// The buyer.
    pub buyer: String,
    /// Town.
    pub town: String,
    /// Postcode.
    pub postcode: String,
    /// Country code.
    pub country: String,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// Whether it is paid.
    pub payment: PaymentState,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Somebody has downloaded it.
    pub downloaded: bool,
    /// What it was told of shipments, repeats left out.
    pub shipments: Vec<Shipment>,
    /// How often it was told what it knew.
    pub repeats: u64,
    /// How often it was told of more units than were left. Must stay 0.
    pub too_many: u64,
}

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its id, unique in the order.
    pub number: String,
    /// SKU.
    pub sku: String,
    /// Title.
    pub title: String,
    /// Units.
    pub quantity: i64,
    /// Units despatched.
    pub despatched: i64,
    /// Price of one, in hundredths.
    pub price_minor: i64,
}

/// A shipment that it was told of.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// Carrier and method.
    pub carrier: String,
    /// Tracking number.
    pub tracking_number: String,
    /// Line numbers and quantities.
    pub lines: Vec<(String, i64)>,
}

/// An order to be placed.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The buyer.
    pub buyer: String,
    /// Town.
    pub town: String,
    /// Postcode.
    pub postcode: String,
    /// Country code.
    pub country: String,
    /// SKU and units.
    pub lines: Vec<(String, i64)>,
    /// Paid at once.
    pub paid: bool,
}

/// Seconds after which buyers of the shop's own pay what they left unpaid.
const THINKING_SECONDS: i64 = 30;

impl Books {
    pub(crate) fn new(products: Vec<Product>) -> Self {
        Books { products: products.into_iter().map(|p| (p.sku.clone(), p)).collect(), ..Books::default() }
    }

    pub(crate) fn place(&mut self, order: NewOrder) -> String {
        let reference = format!("DS-{}", 10_001 + self.orders.len());
        let now = Timestamp::now();
        let mut lines = Vec::new();
        for (i, (sku, quantity)) in order.lines.into_iter().enumerate() {
            let Some(product) = self.products.get_mut(&sku) else { continue };
            self.oversold += (quantity - product.quantity.max(0)).clamp(0, quantity);
            product.quantity -= quantity;
            let (title, price_minor) = (product.title.clone(), product.price_minor);
            lines.push(Line { number: format!("{}", i + 1), sku, title, quantity, despatched: 0, price_minor });
        }
        self.orders.push(Order {
            reference: reference.clone(),
            buyer: order.buyer,
            town: order.town,
            postcode: order.postcode,
            country: order.country,
            lines,
            payment: if order.paid { PaymentState::Paid } else { PaymentState::Unpaid },
            placed_at: now,
            changed_at: now,
            downloaded: false,
            shipments: Vec::new(),
            repeats: 0,
            too_many: 0,
        });
        reference
    }

    pub(crate) fn find(&mut self, reference: &str) -> Option<&mut Order> {
        self.orders.iter_mut().find(|order| order.reference == reference)
    }

    pub(crate) fn pay(&mut self, reference: &str) {
        self.change(reference, PaymentState::Paid);
    }

    pub(crate) fn cancel(&mut self, reference: &str) {
        self.change(reference, PaymentState::Cancelled);
    }

    fn change(&mut self, reference: &str, to: PaymentState) {
        if let Some(order) = self.find(reference)
            && order.payment != PaymentState::Cancelled
            && order.shipments.is_empty()
        {
            order.payment = to;
            order.changed_at = Timestamp::now();
        }
    }

    pub(crate) fn unpaid_since_a_while(&self) -> Vec<String> {
        let before = Timestamp::now().as_second() - THINKING_SECONDS;
        let waits = |order: &&Order| order.payment == PaymentState::Unpaid && order.placed_at.as_second() < before;
        self.orders.iter().filter(waits).map(|order| order.reference.clone()).collect()
    }
}

impl Order {
    /// Takes a shipment. The very same again changes nothing; more than is left is refused.
    pub(crate) fn despatch(&mut self, shipment: Shipment) -> Result<(), String> {
        if self.payment == PaymentState::Cancelled {
            return Err("the order is cancelled".to_owned());
        }
        let same = |s: &Shipment| s.lines == shipment.lines && s.tracking_number == shipment.tracking_number;
        if self.shipments.iter().any(same) {
            self.repeats += 1;
            return Ok(());
        }
        for (number, quantity) in &shipment.lines {
            let left = self.lines.iter().find(|l| l.number == *number).map_or(0, |l| l.quantity - l.despatched);
            if *quantity > left {
                self.too_many += 1;
                return Err(format!("line {number}: {quantity} units despatched, {left} are left"));
            }
        }
        for (number, quantity) in &shipment.lines {
            for line in self.lines.iter_mut().filter(|line| line.number == *number) {
                line.despatched += quantity;
            }
        }
        self.shipments.push(shipment);
        Ok(())
    }

    /// All lines are despatched.
    pub fn is_despatched(&self) -> bool {
        self.lines.iter().all(|line| line.despatched == line.quantity)
    }
}
