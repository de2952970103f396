//! The manual, served by the binary.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use consign_oms::Error;
use maud::{Markup, html};

use crate::access::View;
use crate::problem::Answer;
use crate::{App, ui};

const PAGES: &[(&str, &str, &str)] = &[
    ("index", "Start here", include_str!("../../../docs/index.md")),
    ("orders", "Orders", include_str!("../../../docs/orders.md")),
    ("stock", "Stock and locations", include_str!("../../../docs/stock.md")),
    ("channels", "Channels", include_str!("../../../docs/channels.md")),
    ("api", "Interface for programs", include_str!("../../../docs/api.md")),
    ("install", "Installing and running", include_str!("../../../docs/install.md")),
];

pub fn routes() -> Router<App> {
    Router::new().route("/help", get(index)).route("/help/{page}", get(page))
}

async fn index(state: State<App>, user: View) -> Answer<Markup> {
    page(state, user, Path("index".to_owned())).await
}

async fn page(State(app): State<App>, View(user): View, Path(name): Path<String>) -> Answer<Markup> {
    let (_, title, text) = PAGES.iter().find(|(key, ..)| *key == name).ok_or(Error::NotFound("page"))?;
    let content = html! {
        div.help {
            nav aria-label="Manual" { @for (key, label, _) in PAGES { a href={"/help/" (key)} aria-current=[(*key == name).then_some("page")] { (label) } } }
            article { (ui::markdown(text)) }
        }
    };
    ui::page(&app, &user, "/help", title, content).await
}
