//! How the person in front of the page reads and writes dates and numbers, at hand wherever a page is made or a form is read.
//!
//! A middleware opens a place for each request; the permission extractor puts the user's manner there (`access.rs`), and work on
//! blocking threads takes it along (`blocking`). Programs with a token and people who are not signed in get the default: ISO, UTC, the
//! decimal point. So no handler passes it on, and none can forget it.

use std::cell::RefCell;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use consign_values::Manner;

tokio::task_local! {
    static MANNER: RefCell<Manner>;
}

/// Opens the place of a request.
pub async fn around(request: Request, next: Next) -> Response {
    MANNER.scope(RefCell::default(), next.run(request)).await
}

/// Who signed in reads and writes like this.
pub fn put(manner: Manner) {
    let _ = MANNER.try_with(|place| *place.borrow_mut() = manner);
}

/// How the one who asks reads and writes.
pub fn current() -> Manner {
    MANNER.try_with(|place| place.borrow().clone()).unwrap_or_default()
}

/// Does `work` on this thread in that manner.
pub fn within<T>(manner: Manner, work: impl FnOnce() -> T) -> T {
    MANNER.sync_scope(RefCell::new(manner), work)
}
