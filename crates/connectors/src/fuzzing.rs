//! The payload mappings of all kinds as targets for fuzzing, and the corpus as a test.
//!
//! A new kind adds a line to [`TARGETS`], a file of three lines in `fuzz/fuzz_targets`, and seeds in `fuzz/corpus`. Each target
//! takes an answer as it came over the network. Beyond not panicking, what a mapping takes for an order must hold
//! what [`IncomingOrder`] promises; `cargo xtask test fuzz` looks for bytes that break that.

use std::collections::HashSet;

use consign_ports::{ChannelPayment, Connection, Incoming, IncomingOrder};

/// A mapping's name, which is also its corpus folder's, and the mapping.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("app", app),
    ("vendure", vendure),
    ("amazon", amazon),
    ("woocommerce", woocommerce),
    ("shopify", shopify),
    ("medusa", medusa),
];

/// A page of the custom-channel protocol.
pub fn app(bytes: &[u8]) {
    if let Ok(page) = crate::app::mapping::orders_page(&text(bytes)) {
        check(&page.orders);
    }
}

/// A page of a Vendure shop; whose precision is the usual one, and another.
pub fn vendure(bytes: &[u8]) {
    for precision in [2, 4] {
        if let Ok(rows) = crate::vendure::mapping::orders_page(&text(bytes), precision) {
            check(&rows.into_iter().map(|row| row.incoming).collect::<Vec<_>>());
        }
    }
}

/// A page of Amazon's orders, or one of them.
pub fn amazon(bytes: &[u8]) {
    for fulfilment in [crate::amazon::mapping::Fulfilment::Merchant, crate::amazon::mapping::Fulfilment::Amazon] {
        if let Ok(page) = crate::amazon::mapping::orders_page(&text(bytes), fulfilment) {
            check(&page.orders);
        }
        if let Ok(Some(order)) = crate::amazon::mapping::one_order(&text(bytes), fulfilment) {
            check(&[order]);
        }
    }
}

/// A page of a WooCommerce shop's orders, with and without a payment method that is trusted.
pub fn woocommerce(bytes: &[u8]) {
    use crate::woocommerce::mapping::{Reading, orders_page};
    let trusting = Reading { trusted_methods: vec!["cod".to_owned()], shipped_status: "completed".to_owned() };
    for reading in [Reading::default(), trusting] {
        if let Ok(rows) = orders_page(&text(bytes), &reading) {
            check(&rows.into_iter().map(|row| row.incoming).collect::<Vec<_>>());
        }
    }
}

/// A page of a Shopify shop's orders.
pub fn shopify(bytes: &[u8]) {
    let settings = crate::shopify::Settings::read(&Connection::default());
    if let Ok(rows) = crate::shopify::mapping::orders_page(&text(bytes)) {
        check(&rows.into_iter().map(|row| row.incoming(&settings)).collect::<Vec<_>>());
    }
}

/// A page of a Medusa shop's orders.
pub fn medusa(bytes: &[u8]) {
    if let Ok(rows) = crate::medusa::mapping::orders_page(&text(bytes)) {
        check(&rows.into_iter().map(|row| row.incoming).collect::<Vec<_>>());
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn check(orders: &[Incoming]) {
    for incoming in orders {
        match &incoming.order {
            Ok(order) => check_order(order),
            Err(why) => assert!(!why.is_empty(), "a refusal says why"),
        }
    }
}

fn check_order(order: &IncomingOrder) {
    assert!(!order.reference.as_str().is_empty());
    assert!(
        !order.lines.is_empty() || order.payment == ChannelPayment::Cancelled,
        "only a cancelled order has no lines"
    );
    let mut ids = HashSet::new();
    for line in &order.lines {
        assert!(ids.insert(&line.channel_line), "line numbers are unique");
        assert!(line.is_service || !line.channel_sku.is_empty(), "goods have a SKU");
        assert!((0..=line.quantity.units()).contains(&line.shipped_quantity), "no more is shipped than ordered");
        assert!(line.discount.amount >= 0, "a discount is a positive amount");
        for money in [line.unit_price, line.discount] {
            assert_eq!(money.currency, order.currency, "all amounts are in the order's currency");
        }
    }
    assert!(order.discount.amount >= 0 && order.postage.currency == order.currency);
    let texts = [&order.buyer, &order.site, &order.shipping_tag, &order.payment_tag, &order.delivery.line1];
    assert!(texts.iter().all(|text| text.chars().count() <= 255 && !text.chars().any(char::is_control)));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_kept_corpus_is_read_without_a_fault_and_holds_orders_of_each_kind() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for (name, target) in TARGETS {
            let files: Vec<_> = fs::read_dir(corpus.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
            assert!(!files.is_empty(), "{name} has seeds");
            for file in files {
                target(&fs::read(&file).unwrap());
            }
        }
    }
}
