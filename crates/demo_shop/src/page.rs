//! The shop's own page: what it sells, what was ordered, what became of it.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use crate::{NewOrder, Order, PaymentState, Shared};

pub async fn index(State(shop): State<Shared>) -> Markup {
    let state = shop.lock();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "The demo shop" }
                link rel="stylesheet" href="/shop.css";
                script src="/shop.js" defer {}
            }
            body {
                header { h1 { "The demo shop" } p { "A real little shop on this machine. Buy something, then watch it arrive in Consign and come back as despatched." } }
                main {
                    section {
                        h2 { "For sale" }
                        form method="post" action="/buy" {
                            label { "Your name " input name="buyer" value="Alex Taylor" required maxlength="80"; }
                            label { "Payment " select name="paid" { option value="now" { "pay now" } option value="later" { "pay later" } } }
                            div.products {
                                @for product in state.books.products.values().take(60) {
                                    button name="sku" value=(product.sku) disabled[product.quantity <= 0] {
                                        strong { (product.title) }
                                        span { (format!("£{:.2}", product.price_minor as f64 / 100.0)) }
                                        small { @if product.quantity > 0 { (product.quantity) " in stock" } @else { "sold out" } }
                                    }
                                }
                            }
                        }
                    }
                    section { h2 { "Orders" } div #orders { (order_list(&state.books.orders)) } }
                }
            }
        }
    }
}

fn order_list(orders: &[Order]) -> Markup {
    html! {
        table {
            thead { tr { th { "Order" } th { "Buyer" } th { "What" } th { "State" } th { "" } } }
            tbody {
                @for order in orders.iter().rev().take(30) {
                    tr {
                        td { (order.reference) }
                        td { (order.buyer) br; small { (order.town) } }
                        td { @for line in &order.lines { (line.quantity) " × " (line.title) br; } }
                        td { (state_of(order)) }
                        td {
                            @if order.payment == PaymentState::Unpaid {
                                form method="post" action={"/pay/" (order.reference)} { button { "Pay" } }
                            }
                            @if order.payment != PaymentState::Cancelled && order.shipments.is_empty() {
                                form method="post" action={"/cancel/" (order.reference)} { button { "Cancel" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn state_of(order: &Order) -> Markup {
    html! {
        @if order.payment == PaymentState::Cancelled { span.cancelled { "✕ cancelled" } }
        @else if order.is_despatched() {
            span.despatched { "✓ despatched" }
            @for shipment in &order.shipments { br; small { (shipment.carrier) " " (shipment.tracking_number) } }
        }
        @else {
            @if order.payment == PaymentState::Paid { "paid" } @else { "not paid yet" }
            @if order.downloaded { br; small { "downloaded" } }
        }
    }
}

pub async fn orders(State(shop): State<Shared>) -> Markup {
    order_list(&shop.lock().books.orders)
}

#[derive(Deserialize)]
pub struct Purchase {
    buyer: String,
    paid: String,
    sku: String,
}

pub async fn buy(State(shop): State<Shared>, Form(purchase): Form<Purchase>) -> Redirect {
    shop.lock().books.place(NewOrder {
        buyer: purchase.buyer.chars().take(80).collect(),
        town: "Leeds".to_owned(),
        postcode: "LS1 1AA".to_owned(),
        country: "GB".to_owned(),
        lines: vec![(purchase.sku, 1)],
        paid: purchase.paid == "now",
    });
    Redirect::to("/")
}

pub async fn pay(State(shop): State<Shared>, Path(reference): Path<String>) -> Redirect {
    shop.lock().books.pay(&reference);
    Redirect::to("/")
}

pub async fn cancel(State(shop): State<Shared>, Path(reference): Path<String>) -> Redirect {
    shop.lock().books.cancel(&reference);
    Redirect::to("/")
}

pub async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript")], include_str!("shop.js"))
}

pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css")], include_str!("shop.css"))
}
