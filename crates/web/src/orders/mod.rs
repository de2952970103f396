//! Open orders, processed orders, one order, and everything that is done to them.

mod act;
mod carried;
pub mod change;
mod list;
mod show;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::App;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/orders") }))
        .route("/orders", get(list::open))
        .route("/processed", get(list::ended))
        .route("/orders/rows", get(list::rows))
        .route("/orders/ids", get(list::ids))
        .route("/orders/bulk", post(act::bulk))
        .route("/orders/merge", get(change::merge_page).post(change::merge))
        .route("/orders/{id}", get(show::show))
        .route("/orders/{id}/edit", get(change::edit_page).post(change::edit))
        .route("/orders/{id}/split", get(change::split_page).post(change::split))
        .route("/orders/{id}/{action}", post(act::act))
        .route("/orders/{id}/delete", post(act::delete))
        .route("/orders/{id}/lines/{line}/link", post(act::link))
}
