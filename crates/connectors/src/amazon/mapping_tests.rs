//! The published sandbox orders, orders as Amazon's prose describes them, and arbitrary JSON.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const PAIRS: &str = include_str!("../../tests/recorded/amazon/sandbox_pairs.json");

/// All orders in the sandbox's answers.
fn sandbox_orders() -> Vec<Value> {
    let pairs: Vec<Value> = serde_json::from_str(PAIRS).unwrap();
    let mut orders = Vec::new();
    for pair in pairs.iter().filter(|pair| pair["status"] == 200) {
        match pair["operationId"].as_str() {
            Some("searchOrders") => orders.extend(pair["response"]["orders"].as_array().unwrap().iter().cloned()),
            Some("getOrder") => orders.push(pair["response"]["order"].clone()),
            _ => {}
        }
    }
    orders
}

fn sandbox_order(id: &str) -> Value {
    sandbox_orders().into_iter().find(|order| order["orderId"] == id).unwrap()
}

/// The sum of an order as the buyer paid it, in ten-thousandths.
fn total(order: &IncomingOrder) -> i64 {
    let line = |line: &IncomingLine| line.unit_price.amount * line.quantity.units() - line.discount.amount;
    order.lines.iter().map(line).sum::<i64>() + order.postage.amount - order.discount.amount
}

fn money(amount: &str) -> Value {
    json!({ "amount": amount, "currencyCode": "GBP" })
}

/// An order with one item and these breakdowns.
fn priced(quantity: i64, item_total: &str, breakdowns: Value, grand_total: &str) -> Value {
    json!({
        "orderId": "202-1", "createdTime": "2026-01-02T03:04:05Z", "lastUpdatedTime": "2026-01-02T03:04:05Z",
        "salesChannel": { "channelName": "AMAZON", "marketplaceId": "A1F83G8C2ARO7P", "marketplaceName": "Amazon.co.uk" },
        "proceeds": { "grandTotal": money(grand_total) },
        "fulfillment": { "fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT" },
        "orderItems": [{
            "orderItemId": "1", "quantityOrdered": quantity, "product": { "sellerSku": "A", "title": "Thing" },
            "proceeds": { "proceedsTotal": money(item_total), "breakdowns": breakdowns },
        }],
    })
}

fn part(kind: &str, amount: &str) -> Value {
    json!({ "type": kind, "subtotal": money(amount) })
}

fn parted(kind: &str, amount: &str, details: &[(&str, &str)]) -> Value {
    let details: Vec<Value> =
        details.iter().map(|(subtype, amount)| json!({ "subtype": subtype, "value": money(amount) })).collect();
    json!({ "type": kind, "subtotal": money(amount), "detailedBreakdowns": details })
}

#[test]
fn every_sandbox_order_is_read_and_its_sum_is_amazons() {
    let orders = sandbox_orders();
    assert_eq!(orders.len(), 6);
    for value in orders {
        let order = order(&value).unwrap();
        let said = &value["proceeds"]["grandTotal"];
        let said = Money::from_decimal(said["amount"].as_str().unwrap().parse().unwrap(), order.currency).unwrap();
        assert_eq!(total(&order), said.amount, "{}", order.reference.as_str());
        assert_eq!(order.reference.as_str(), value["orderId"]);
        assert!(!order.delivery.is_empty() && !order.lines.is_empty());
        assert!(order.received_at.is_some());
    }
}

#[test]
fn a_business_order_of_the_sandbox_is_mapped_in_full() {
    insta::assert_debug_snapshot!(order(&sandbox_order("171-2345678-9012345")).unwrap());
}

#[test]
fn tax_numbers_an_invoice_address_and_who_collects_the_tax_come_along() {
    let order = order(&sandbox_order("028-1234567-8901234")).unwrap();
    assert!(order.shipped);
    assert_eq!((order.billing.company.as_str(), order.delivery.company.as_str()), ("Test company name", ""));
    let expected = [
        ("Buyer's tax number (BUSINESS)", "TR1234567890"),
        ("Tax office", "tax office"),
        ("Invoice preference", "BUSINESS"),
        ("Tax scheme", "IOSS"),
        ("Tax collected by", "Amazon Services Europe S.a.r.L."),
    ];
    for (name, text) in expected {
        assert!(order.properties.contains(&(name.to_owned(), text.to_owned())), "{name}: {:?}", order.properties);
    }
}

#[test]
fn tax_on_top_goes_into_the_price_and_its_rate_is_told() {
    let order = order(&sandbox_order("114-9876543-1234567")).unwrap();
    let line = &order.lines[0];
    assert_eq!((line.unit_price.amount, line.tax_inclusive), (499_900, true));
    assert_eq!(line.tax_rate.to_percent(), "25".parse().unwrap());
    assert_eq!((order.lines.len(), total(&order)), (1, 499_900));
}

#[test]
fn tax_that_is_in_the_price_is_not_added_again() {
    let breakdowns = json!([part("ITEM", "24.00"), parted("TAX", "4.00", &[("ITEM", "4.00")])]);
    let order = order(&priced(2, "24.00", breakdowns, "24.00")).unwrap();
    assert_eq!((order.lines[0].unit_price.amount, total(&order)), (120_000, 240_000));
    assert_eq!(order.lines[0].tax_rate.to_percent(), "20".parse().unwrap());
}

#[test]
fn postage_wrapping_discounts_and_their_taxes_stand_where_they_belong() {
    let breakdowns = json!([
        part("ITEM", "30.00"),
        part("SHIPPING", "5.00"),
        part("GIFT_WRAP", "2.00"),
        parted("DISCOUNT", "-4.00", &[("ITEM", "-3.00"), ("SHIPPING", "-1.00")]),
        parted("TAX", "6.60", &[("ITEM", "5.40"), ("SHIPPING", "0.80"), ("GIFT_WRAP", "0.40")]),
    ]);
    let order = order(&priced(3, "39.60", breakdowns, "39.60")).unwrap();
    let lines: Vec<_> =
        order.lines.iter().map(|l| (l.channel_line.as_str(), l.is_service, l.unit_price.amount)).collect();
    assert_eq!(lines, [("1", false, 118_000), ("wrap:1", true, 24_000)]);
    assert_eq!((order.lines[0].discount.amount, order.postage.amount, order.discount.amount), (30_000, 48_000, 0));
    assert_eq!(order.postage_tax_rate.to_percent(), "20".parse().unwrap());
    assert_eq!(order.lines[1].tax_rate.to_percent(), "20".parse().unwrap());
    assert_eq!(total(&order), 396_000);
}

#[test]
fn a_price_that_does_not_divide_and_a_total_that_differs_still_come_to_the_penny() {
    let order_of = |total: &str| order(&priced(3, "10.00", json!([part("ITEM", "10.00")]), total)).unwrap();
    let even = order_of("10.00");
    assert_eq!((even.lines[0].unit_price.amount, even.lines[0].discount.amount), (33_400, 200));
    assert_eq!(total(&even), 100_000);
    let less = order_of("9.50");
    assert_eq!((less.discount.amount, total(&less)), (5_000, 95_000));
    let more = order_of("10.75");
    assert_eq!((more.lines[1].is_service, more.lines[1].unit_price.amount, total(&more)), (true, 7_500, 107_500));
    let mut tipped = priced(1, "10.00", json!([part("ITEM", "10.00")]), "12.00");
    tipped["proceeds"]["breakdowns"] = json!([part("DELIVERY_TIP", "2.00")]);
    let tipped = order(&tipped).unwrap();
    assert_eq!((tipped.lines[1].title.as_str(), total(&tipped)), ("Delivery tip", 120_000));
}

#[test]
fn a_pending_order_is_unpaid_without_address_or_prices_and_then_turns() {
    let mut value = priced(2, "0", json!([]), "0");
    value.as_object_mut().unwrap().remove("proceeds");
    value["orderItems"][0].as_object_mut().unwrap().remove("proceeds");
    value["fulfillment"]["fulfillmentStatus"] = json!("PENDING");
    value["recipient"] = json!({ "deliveryAddress": { "countryCode": "GB" } });
    let pending = order(&value).unwrap();
    assert_eq!((pending.payment, pending.shipped), (ChannelPayment::Unpaid, false));
    assert_eq!((pending.buyer.as_str(), pending.delivery.full_name.as_str()), (UNKNOWN, UNKNOWN));
    assert_eq!(pending.delivery.country_code.as_str(), "GB");
    assert_eq!((pending.currency.code(), pending.lines[0].quantity.units(), total(&pending)), ("GBP", 2, 0));
    value["fulfillment"]["fulfillmentStatus"] = json!("UNSHIPPED");
    value["recipient"]["deliveryAddress"] = json!({ "name": "Ada", "addressLine1": "1 High St", "countryCode": "GB" });
    value["proceeds"] = json!({ "grandTotal": money("10.00") });
    value["orderItems"][0]["product"]["price"] = json!({ "unitPrice": money("5.00") });
    let turned = order(&value).unwrap();
    assert_eq!((turned.payment, turned.buyer.as_str(), total(&turned)), (ChannelPayment::Paid, "Ada", 100_000));
}

#[test]
fn each_status_has_its_meaning_and_a_strange_one_is_named() {
    let mut value = priced(2, "10.00", json!([part("ITEM", "10.00")]), "10.00");
    for (code, payment, shipped) in [
        ("PENDING_AVAILABILITY", ChannelPayment::Unpaid, false),
        ("UNSHIPPED", ChannelPayment::Paid, false),
        ("PARTIALLY_SHIPPED", ChannelPayment::Paid, false),
        ("SHIPPED", ChannelPayment::Paid, true),
        ("CANCELLED", ChannelPayment::Cancelled, false),
    ] {
        value["fulfillment"]["fulfillmentStatus"] = json!(code);
        let order = order(&value).unwrap();
        assert_eq!((order.payment, order.shipped), (payment, shipped), "{code}");
    }
    value["fulfillment"]["fulfillmentStatus"] = json!("Unshipped");
    assert_eq!(order(&value).unwrap_err(), "fulfillment.fulfillmentStatus is none that is known");
}

#[test]
fn units_shipped_and_units_cancelled_out_of_an_order_are_told() {
    let mut value = priced(5, "50.00", json!([part("ITEM", "50.00")]), "50.00");
    value["fulfillment"]["fulfillmentStatus"] = json!("PARTIALLY_SHIPPED");
    let item = &mut value["orderItems"][0];
    item["fulfillment"] = json!({ "quantityFulfilled": 2, "quantityUnfulfilled": 3 });
    let whole = order(&value).unwrap();
    assert_eq!((whole.lines[0].quantity.units(), whole.lines[0].shipped_quantity), (5, 2));
    let item = &mut value["orderItems"][0];
    item["fulfillment"]["quantityUnfulfilled"] = json!(1);
    item["cancellation"] = json!({
        "cancellationRequest": { "requester": "BUYER", "cancelReason": "ordered twice" },
        "cancellationExecution": { "cancelledBy": "MERCHANT" },
    });
    let order = order(&value).unwrap();
    assert_eq!((order.lines[0].quantity.units(), order.lines[0].shipped_quantity), (3, 2));
    assert_eq!(order.notes[0].text, "The buyer asks to cancel item 1: ordered twice");
}

#[test]
fn orders_of_the_other_party_are_left_out_and_broken_ones_are_kept() {
    let page = json!({
        "orders": [sandbox_order("250-1234567-8901234"), sandbox_order("171-2345678-9012345"), { "orderId": "X", "fulfillment": 3 }],
        "pagination": { "nextToken": "more" },
    })
    .to_string();
    let seen = |fulfilment| {
        let page = orders_page(&page, fulfilment).unwrap();
        assert_eq!(page.next.as_deref(), Some("more"));
        page.orders.into_iter().map(|order| (order.reference, order.order.err())).collect::<Vec<_>>()
    };
    let broken = ("X".to_owned(), Some("fulfillment must be an object".to_owned()));
    assert_eq!(seen(Fulfilment::Merchant), [("171-2345678-9012345".to_owned(), None), broken.clone()]);
    assert_eq!(seen(Fulfilment::Amazon), [("250-1234567-8901234".to_owned(), None), broken]);
    assert_eq!(orders_page("{}", Fulfilment::Merchant).unwrap_err(), "the answer has no list of orders");
    assert!(orders_page("<html>", Fulfilment::Merchant).unwrap_err().contains("not JSON"));
}

/// Any JSON that is not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[-+0-9.eE]{0,30}".prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(money("79228162514264337593543950335")),
        Just(money("-999999999.99")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z]{1,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The places in a value, as JSON pointers.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, format!("{at}/{key}"), found)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| places(value, format!("{at}/{i}"), found)),
        _ => {}
    }
    found.push(at);
}

proptest! {
    #[test]
    fn mapping_never_panics_whatever_stands_in_the_place_of_anything(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4),
    ) {
        let orders = sandbox_orders();
        let mut value = which.get(&orders).clone();
        for (place, new) in changes {
            let mut found = Vec::new();
            places(&value, String::new(), &mut found);
            *value.pointer_mut(place.get::<String>(&found)).unwrap() = new;
        }
        let _ = order(&value);
        let page = json!({ "orders": [value] }).to_string();
        prop_assert!(orders_page(&page, Fulfilment::Merchant).is_ok());
    }

    #[test]
    fn mapping_never_panics_on_arbitrary_text(text in ".{0,200}", value in any_json()) {
        let _ = orders_page(&text, Fulfilment::Merchant);
        let _ = one_order(&text, Fulfilment::Amazon);
        let _ = one_order(&json!({ "order": value }).to_string(), Fulfilment::Amazon);
        let _ = order(&value);
    }
}
