//! The custom-channel protocol, the app's side of it.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{Order, PaymentState, Shared, Shipment};

/// Orders on a page.
const PAGE: usize = 100;

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

/// The module's description, by which a customer's system integrates the shop.
pub fn manifest(address: SocketAddr) -> Value {
    let endpoints = [
        ("AddNewUserEndpoint", "/api/Config/AddNewUser"),
        ("UserConfigEndpoint", "/api/Config/UserConfig"),
        ("SaveConfigEndpoint", "/api/Config/SaveUserConfig"),
        ("ShippingTagsEndpoint", "/api/Config/ShippingTags"),
        ("PaymentTagsEndpoint", "/api/Config/PaymentTags"),
        ("ConfigDeletedEndpoint", "/api/Config/ConfigDeleted"),
        ("ConfigTestEndpoint", "/api/Config/ConfigTest"),
        ("OrdersEndpoint", "/api/Order/Orders"),
        ("DespatchEndpoint", "/api/Order/Despatch"),
        ("ProductsEndpoint", "/api/Product/Products"),
        ("InventoryUpdateEndpoint", "/api/Product/InventoryUpdate"),
        ("PriceUpdateEndpoint", "/api/Product/PriceUpdate"),
        ("PostSaleOptionsEndpoint", "/api/processedorders/postsaleoptions"),
        ("CancelEndpoint", "/api/processedorders/cancel"),
    ];
    let mut parameters = vec![
        json!({"name": "ChannelName", "value": "DEMOSHOP"}),
        json!({"name": "ChannelFriendlyName", "value": "Demo shop"}),
        json!({"name": "DespatchUpdateBatchSize", "value": "100"}),
        json!({"name": "InventoryUpdateBatchSize", "value": "1000"}),
    ];
    parameters.extend(endpoints.map(|(name, path)| json!({"name": name, "value": format!("http://{address}{path}")})));
    json!({"type": "ChannelIntegration", "parameters": parameters})
}

pub async fn add_new_user(State(shop): State<Shared>, Json(_): Json<Value>) -> Json<Value> {
    let mut state = shop.lock();
    let token = format!("{:016x}{:016x}", state.random.number(), state.random.number());
    state.tokens.push(token.clone());
    Json(json!({"Error": null, "AuthorizationToken": token}))
}

/// The error of a request without a token that the shop has given out.
fn stranger(shop: &Shared, request: &Value) -> Option<Json<Value>> {
    let known = shop.lock().tokens.iter().any(|token| token == text(request, "AuthorizationToken"));
    (!known).then(|| Json(json!({"Error": "unknown authorization token"})))
}

pub async fn user_config(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    if let Some(error) = stranger(&shop, &request) {
        return error;
    }
    Json(first_step(None))
}

fn first_step(error: Option<&str>) -> Value {
    json!({
        "Error": error, "StepName": "AddCredentials", "AccountName": "Demo shop",
        "WizardStepTitle": "Your account", "WizardStepDescription": "The demo shop's key is: demo",
        "ConfigItems": [{
            "ConfigItemId": "APIKey", "Name": "API key", "Description": "Type demo", "GroupName": "Account", "SortOrder": 1,
            "SelectedValue": "", "RegExValidation": null, "RegExError": null, "MustBeSpecified": true, "ReadOnly": false,
            "ListValues": [], "ValueType": "STRING"
        }]
    })
}

pub async fn save_config(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    if let Some(error) = stranger(&shop, &request) {
        return error;
    }
    let items = request["ConfigItems"].as_array().cloned().unwrap_or_default();
    let key = items.iter().find(|item| text(item, "ConfigItemId") == "APIKey").map(|item| text(item, "SelectedValue"));
    if text(&request, "StepName") == "AddCredentials" && key != Some("demo") {
        return Json(first_step(Some("that is not the key; it is: demo")));
    }
    Json(json!({
        "Error": null, "StepName": "UserConfig", "AccountName": "Demo shop", "WizardStepTitle": "Ready",
        "WizardStepDescription": "The demo shop is connected.", "ConfigItems": []
    }))
}

pub async fn empty(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    stranger(&shop, &request).unwrap_or_else(|| Json(json!({"Error": null})))
}

pub async fn shipping_tags(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    let tags = json!([{"Tag": "standard", "FriendlyName": "Standard delivery", "Site": ""}, {"Tag": "express", "FriendlyName": "Next day"}]);
    stranger(&shop, &request).unwrap_or_else(|| Json(json!({"Error": null, "ShippingTags": tags})))
}

pub async fn payment_tags(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    let tags = json!([{"Tag": "card", "FriendlyName": "Card", "Site": ""}]);
    stranger(&shop, &request).unwrap_or_else(|| Json(json!({"Error": null, "PaymentTags": tags})))
}

pub async fn orders(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    if let Some(error) = stranger(&shop, &request) {
        return error;
    }
    let since: Timestamp = text(&request, "UTCTimeFrom").parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let page = request["PageNumber"].as_u64().unwrap_or(1).max(1) as usize;
    let mut state = shop.lock();
    // By the time of the change, to the second, as many shops keep it.
    let mut found: Vec<&mut Order> =
        state.books.orders.iter_mut().filter(|order| order.changed_at.as_second() >= since.as_second()).collect();
    found.sort_by(|a, b| (a.changed_at, &a.reference).cmp(&(b.changed_at, &b.reference)));
    let more = found.len() > page * PAGE;
    let orders: Vec<Value> = found
        .into_iter()
        .skip((page - 1) * PAGE)
        .take(PAGE)
        .map(|order| {
            order.downloaded = true;
            order_json(order)
        })
        .collect();
    Json(json!({"Error": null, "HasMorePages": more, "Orders": orders}))
}

fn order_json(order: &Order) -> Value {
    let payment = match order.payment {
        PaymentState::Paid => "PAID",
        PaymentState::Unpaid => "UNPAID",
        PaymentState::Cancelled => "CANCELLED",
    };
    let address = json!({
        "FullName": order.buyer, "Company": "", "Address1": "12 Market Street", "Address2": "", "Address3": "",
        "Town": order.town, "Region": "", "PostCode": order.postcode, "Country": "", "CountryCode": order.country,
        "PhoneNumber": "", "EmailAddress": format!("{}@example.com", order.reference.to_lowercase())
    });
    let items: Vec<Value> = order
        .lines
        .iter()
        .map(|line| {
            json!({
                "OrderLineNumber": line.number, "SKU": line.sku, "ItemTitle": line.title, "Qty": line.quantity,
                "PricePerUnit": line.price_minor as f64 / 100.0, "TaxRate": 20.0, "TaxCostInclusive": true,
                "UseChannelTax": true, "IsService": false, "LinePercentDiscount": 0, "Options": []
            })
        })
        .collect();
    json!({
        "ReferenceNumber": order.reference, "SecondaryReferenceNumber": null, "ExternalReference": "",
        "BillingAddress": address, "DeliveryAddress": address, "Site": "", "MatchPostalServiceTag": "standard",
        "MatchPaymentMethodTag": "card", "PaymentStatus": payment, "ChannelBuyerName": order.buyer, "Currency": "GBP",
        "ReceivedDate": order.placed_at.to_string(), "DispatchBy": (order.placed_at + jiff::SignedDuration::from_hours(48)).to_string(),
        "PaidOn": if order.payment == PaymentState::Paid { Value::from(order.changed_at.to_string()) } else { Value::Null },
        "PostalServiceCost": 3.95, "PostalServiceTaxRate": 20, "UseChannelTax": true, "Discount": 0,
        "DiscountType": "AllEvenly", "OrderItems": items, "Notes": [], "ExtendedProperties": []
    })
}

pub async fn despatch(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    if let Some(error) = stranger(&shop, &request) {
        return error;
    }
    let mut state = shop.lock();
    let mut results = Vec::new();
    for note in request["Orders"].as_array().into_iter().flatten() {
        let reference = text(note, "ReferenceNumber");
        let lines = note["Items"].as_array().into_iter().flatten();
        let shipment = Shipment {
            carrier: format!("{} {}", text(note, "ShippingVendor"), text(note, "ShippingMethod")).trim().to_owned(),
            tracking_number: text(note, "TrackingNumber").to_owned(),
            lines: lines
                .map(|item| {
                    (text(item, "OrderLineNumber").to_owned(), item["DespatchedQuantity"].as_i64().unwrap_or(0))
                })
                .collect(),
        };
        let error = match state.books.find(reference) {
            None => Some("unknown order".to_owned()),
            Some(order) => order.despatch(shipment).err(),
        };
        results.push(json!({"ReferenceNumber": reference, "Error": error, "Retry": false}));
    }
    Json(json!({"Error": null, "Orders": results}))
}

pub async fn products(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    if let Some(error) = stranger(&shop, &request) {
        return error;
    }
    let page = request["PageNumber"].as_u64().unwrap_or(1).max(1) as usize;
    let state = shop.lock();
    let all = &state.books.products;
    let products: Vec<Value> = all
        .values()
        .skip((page - 1) * PAGE)
        .take(PAGE)
        .map(|p| json!({"SKU": p.sku, "Title": p.title, "Quantity": p.quantity, "Price": p.price_minor as f64 / 100.0, "Reference": p.sku}))
        .collect();
    Json(json!({"Error": null, "HasMorePages": all.len() > page * PAGE, "Products": products}))
}

pub async fn inventory_update(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    if let Some(error) = stranger(&shop, &request) {
        return error;
    }
    let mut state = shop.lock();
    let mut results = Vec::new();
    for update in request["Products"].as_array().into_iter().flatten() {
        let (sku, quantity) = (text(update, "SKU"), update["Quantity"].as_i64().unwrap_or(-1));
        let books = &mut state.books;
        let error = match books.products.get_mut(sku) {
            None => continue,
            Some(_) if quantity < 0 => {
                books.negative_stock_updates += 1;
                Some("quantity must not be negative")
            }
            Some(product) => {
                product.quantity = quantity;
                books.stock_updates += 1;
                None
            }
        };
        results.push(json!({"SKU": sku, "Error": error}));
    }
    Json(json!({"Error": null, "Products": results}))
}

pub async fn price_update(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    if let Some(error) = stranger(&shop, &request) {
        return error;
    }
    let mut state = shop.lock();
    let mut results = Vec::new();
    for update in request["Products"].as_array().into_iter().flatten() {
        let (sku, price) = (text(update, "SKU"), update["Price"].as_f64().unwrap_or(-1.0));
        let Some(product) = state.books.products.get_mut(sku) else { continue };
        let error = if price < 0.0 { Some("price must not be negative") } else { None };
        if error.is_none() {
            product.price_minor = (price * 100.0).round() as i64;
        }
        results.push(json!({"SKU": sku, "Error": error}));
    }
    Json(json!({"Error": null, "Products": results}))
}

pub async fn post_sale_options(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    let options = json!({
        "Error": null, "CanCancel": true, "CanCancelOrderLines": false, "CanCancelOrderLinesPartially": false,
        "AutomaticRefundOnCancel": false, "CanRefund": false, "PostSaleReasons": []
    });
    stranger(&shop, &request).unwrap_or(Json(options))
}

pub async fn cancel(State(shop): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
    if let Some(error) = stranger(&shop, &request) {
        return error;
    }
    let reference = text(&request["Cancellation"], "ReferenceNumber").to_owned();
    shop.lock().books.cancel(&reference);
    Json(json!({"Error": null}))
}
