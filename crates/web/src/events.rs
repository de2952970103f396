//! Live updates: what changed, as ids, from the `changes` table of the database to the browsers of this node.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use consign_oms::changes;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};

use crate::App;
use crate::access::View;

/// The broadcast of changes in this process.
#[derive(Clone)]
pub struct Events(broadcast::Sender<String>);

impl Default for Events {
    fn default() -> Self {
        Events(broadcast::channel(256).0)
    }
}

/// Rows become visible out of order: each look reaches back by so much.
const OVERLAP_SECONDS: i64 = 5;

/// Looks for changes twice a second while anybody listens, and broadcasts each once. The first look after a while without
/// listeners tells what changed in the last seconds, too: a page shows what was there when it was made, and begins to listen a
/// little later. Runs until the process ends.
pub async fn poll_changes(app: App) {
    let mut seen: HashSet<i64> = HashSet::new();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if app.events.0.receiver_count() == 0 {
            seen.clear();
            continue;
        }
        let since = app.clock.now().plus_seconds(-OVERLAP_SECONDS);
        let Ok(found) = app.read(move |tx| changes::list(tx, since)).await else { continue };
        for change in found.iter().filter(|change| !seen.contains(&change.id)) {
            let message = serde_json::json!({"noun": change.noun, "ids": change.ids}).to_string();
            let _ = app.events.0.send(message);
        }
        seen = found.into_iter().map(|change| change.id).collect();
    }
}

pub async fn stream(State(app): State<App>, _: View) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let messages = BroadcastStream::new(app.events.0.subscribe()).map(|message| {
        // Somebody who fell behind loads the whole list anew.
        Ok(Event::default().data(message.unwrap_or_else(|_| r#"{"noun":"all","ids":""}"#.to_owned())))
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
