//! A small shop that speaks the custom-channel protocol: the channel of `consign demo`, and the flaky counterpart of the crash
//! tests. Its books are exact: what was ordered, what was despatched, how often it was told, what stock it was told.
//!
//! It has a page of its own where a person places an order and watches its despatch arrive.

mod books;
mod catalogue;
mod faults;
mod page;
mod protocol;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use books::{Books, Line, NewOrder, Order, PaymentState, Shipment};
pub use catalogue::{Product, catalogue};
pub use faults::{Faults, Random};

/// How a shop is opened.
pub struct ShopOptions {
    /// Where it listens; port 0 for a free one.
    pub listen: SocketAddr,
    /// Seeds its faults and its buyers.
    pub seed: u64,
    /// How it fails.
    pub faults: Faults,
    /// It sells by itself that often.
    pub sells_every: Option<Duration>,
    /// What it sells.
    pub catalogue: Vec<Product>,
}

/// A shop that is open.
pub struct Shop {
    address: SocketAddr,
    state: Shared,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

pub(crate) struct State {
    pub books: Books,
    pub faults: Faults,
    pub random: Random,
    /// Tokens of the customers that integrated.
    pub tokens: Vec<String>,
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shop {
    /// Opens it.
    pub async fn start(options: ShopOptions) -> std::io::Result<Shop> {
        let state = Shared(Arc::new(Mutex::new(State {
            books: Books::new(options.catalogue),
            faults: options.faults,
            random: Random::new(options.seed),
            tokens: Vec::new(),
        })));
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let router = router(state.clone(), address);
        let mut tasks = vec![tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        })];
        if let Some(every) = options.sells_every {
            tasks.push(tokio::spawn(sell(state.clone(), every)));
        }
        Ok(Shop { address, state, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for a browser, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Somebody orders; gives the reference.
    pub fn place(&self, order: NewOrder) -> String {
        self.state.lock().books.place(order)
    }

    /// Some of its own buyers order at once.
    pub fn sell(&self, count: usize) {
        let mut shop = self.state.lock();
        let State { books, random, .. } = &mut *shop;
        for _ in 0..count {
            let order = catalogue::some_order(books, random);
            books.place(order);
        }
    }

    /// A buyer pays.
    pub fn pay(&self, reference: &str) {
        self.state.lock().books.pay(reference);
    }

    /// A buyer cancels.
    pub fn cancel(&self, reference: &str) {
        self.state.lock().books.cancel(reference);
    }

    /// A copy of its books.
    pub fn books(&self) -> Books {
        self.state.lock().books.clone()
    }

    /// Fails like that from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn router(state: Shared, address: SocketAddr) -> Router {
    let protocol = Router::new()
        .route("/api/Config/AddNewUser", post(protocol::add_new_user))
        .route("/api/Config/UserConfig", post(protocol::user_config))
        .route("/api/Config/SaveUserConfig", post(protocol::save_config))
        .route("/api/Config/ShippingTags", post(protocol::shipping_tags))
        .route("/api/Config/PaymentTags", post(protocol::payment_tags))
        .route("/api/Config/ConfigTest", post(protocol::empty))
        .route("/api/Config/ConfigDeleted", post(protocol::empty))
        .route("/api/Order/Orders", post(protocol::orders))
        .route("/api/Order/Despatch", post(protocol::despatch))
        .route("/api/Product/Products", post(protocol::products))
        .route("/api/Product/InventoryUpdate", post(protocol::inventory_update))
        .route("/api/Product/PriceUpdate", post(protocol::price_update))
        .route("/api/processedorders/postsaleoptions", post(protocol::post_sale_options))
        .route("/api/processedorders/cancel", post(protocol::cancel))
        .layer(middleware::from_fn_with_state(state.clone(), faults::layer));
    Router::new()
        .route("/", get(page::index))
        .route("/orders", get(page::orders))
        .route("/buy", post(page::buy))
        .route("/pay/{reference}", post(page::pay))
        .route("/cancel/{reference}", post(page::cancel))
        .route("/shop.js", get(page::script))
        .route("/shop.css", get(page::style))
        .route("/manifest.json", get(move || async move { axum::Json(protocol::manifest(address)) }))
        .merge(protocol)
        .with_state(state)
}

/// Buyers of its own: mostly paid at once, some later, a few who cancel.
async fn sell(state: Shared, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let mut shop = state.lock();
        let State { books, random, .. } = &mut *shop;
        let unpaid: Vec<String> = books.unpaid_since_a_while();
        for reference in unpaid {
            if random.chance(0.1) {
                books.cancel(&reference);
            } else {
                books.pay(&reference);
            }
        }
        let order = catalogue::some_order(books, random);
        books.place(order);
    }
}
