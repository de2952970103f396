//! Token buckets, one for each operation, from the usage plans in the published models.
//!
//! Amazon counts calls by operation and by pair of seller and application. A bucket fills at its rate up to its burst; a call
//! takes one token. Where the next token is near the caller waits, else it is told when to come back, so that Amazon is not
//! even asked. `x-amzn-RateLimit-Limit` tells an account's own rate, and a 429 empties the bucket. Buckets live as long as
//! the process: after a restart they are full, and Amazon's 429 corrects that.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use consign_ports::PortError;

/// The longest that a call waits for its token by itself.
const WAIT_MAX: Duration = Duration::from_millis(2_500);
/// Rates that Amazon may tell; anything else is no rate.
const RATES: std::ops::RangeInclusive<f64> = 0.000_1..=1_000.0;

/// The operations that are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A page of orders with their items.
    SearchOrders,
    /// One order with its items.
    GetOrder,
    /// One parcel of an order.
    ConfirmShipment,
    /// A page of listings, or up to 20 by SKU.
    SearchListings,
    /// One listing.
    GetListing,
    /// Changes one listing.
    PatchListing,
    /// A place to put a feed.
    CreateFeedDocument,
    /// Hands a feed in.
    CreateFeed,
    /// How a feed fares.
    GetFeed,
    /// The marketplaces that the seller takes part in.
    Participations,
}

impl Operation {
    /// All of them, by their index.
    pub const ALL: [Operation; 10] = [
        Operation::SearchOrders,
        Operation::GetOrder,
        Operation::ConfirmShipment,
        Operation::SearchListings,
        Operation::GetListing,
        Operation::PatchListing,
        Operation::CreateFeedDocument,
        Operation::CreateFeed,
        Operation::GetFeed,
        Operation::Participations,
    ];

    /// The `operationId` in the published model.
    pub fn id(self) -> &'static str {
        match self {
            Operation::SearchOrders => "searchOrders",
            Operation::GetOrder => "getOrder",
            Operation::ConfirmShipment => "confirmShipment",
            Operation::SearchListings => "searchListingsItems",
            Operation::GetListing => "getListingsItem",
            Operation::PatchListing => "patchListingsItem",
            Operation::CreateFeedDocument => "createFeedDocument",
            Operation::CreateFeed => "createFeed",
            Operation::GetFeed => "getFeed",
            Operation::Participations => "getMarketplaceParticipations",
        }
    }

    /// Calls a second and calls at once, as published.
    pub fn plan(self) -> (f64, f64) {
        match self {
            Operation::SearchOrders => (0.005_6, 20.0),
            Operation::GetOrder => (0.5, 30.0),
            Operation::ConfirmShipment => (2.0, 10.0),
            Operation::SearchListings | Operation::PatchListing => (5.0, 5.0),
            Operation::GetListing => (5.0, 10.0),
            Operation::CreateFeedDocument => (0.5, 15.0),
            Operation::CreateFeed => (0.008_3, 15.0),
            Operation::GetFeed => (2.0, 15.0),
            Operation::Participations => (0.016, 15.0),
        }
    }
}

/// The buckets of one account.
pub(super) struct Limits(Mutex<[Bucket; Operation::ALL.len()]>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn new(operation: Operation, now: Instant) -> Self {
        let (rate, burst) = operation.plan();
        Bucket { rate, burst, tokens: burst, at: now }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.burst);
        self.at = now;
    }

    /// Takes a token and leaves `spare` of them to others; or tells how long until one is there.
    fn take(&mut self, now: Instant, spare: f64) -> Result<(), Duration> {
        self.fill(now);
        let lacking = 1.0 + spare.min(self.burst - 1.0) - self.tokens;
        // A token that is there but for rounding is there.
        if lacking > 1e-6 {
            return Err(Duration::from_secs_f64(lacking / self.rate));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

impl Limits {
    /// Full buckets.
    pub fn new() -> Self {
        let now = Instant::now();
        Limits(Mutex::new(Operation::ALL.map(|operation| Bucket::new(operation, now))))
    }

    fn with<T>(&self, operation: Operation, work: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut buckets = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&mut buckets[operation as usize])
    }

    /// Takes a token, waiting for it if it is near. `Retry` with the seconds if it is not.
    pub async fn pass(&self, operation: Operation, spare: f64) -> Result<(), PortError> {
        loop {
            match self.with(operation, |bucket| bucket.take(Instant::now(), spare)) {
                Ok(()) => return Ok(()),
                Err(wait) if wait <= WAIT_MAX => tokio::time::sleep(wait).await,
                Err(wait) => return Err(self.later(operation, wait)),
            }
        }
    }

    /// What a 429 means: the bucket is empty, the next token is one rate away.
    pub fn refused(&self, operation: Operation, told: Option<f64>) -> PortError {
        self.learn(operation, told);
        let wait = self.with(operation, |bucket| {
            bucket.tokens = 0.0;
            bucket.at = Instant::now();
            Duration::from_secs_f64(1.0 / bucket.rate)
        });
        self.later(operation, wait)
    }

    /// Takes over the rate that Amazon tells for this account.
    pub fn learn(&self, operation: Operation, told: Option<f64>) {
        if let Some(rate) = told.filter(|rate| RATES.contains(rate)) {
            self.with(operation, |bucket| {
                bucket.fill(Instant::now());
                bucket.rate = rate;
            });
        }
    }

    /// Calls that can be made at once.
    pub fn left(&self, operation: Operation) -> u32 {
        self.with(operation, |bucket| {
            bucket.fill(Instant::now());
            bucket.tokens.max(0.0) as u32
        })
    }

    fn later(&self, operation: Operation, wait: Duration) -> PortError {
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u32;
        PortError::Retry {
            message: format!("Amazon's limit for {} is used up; the next call can go in {seconds} s", operation.id()),
            after_seconds: Some(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_one_at_a_time() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Operation::SearchOrders, start);
        for call in 0..20 {
            assert_eq!(bucket.take(start, 0.0), Ok(()), "call {call}");
        }
        let wait = bucket.take(start, 0.0).unwrap_err();
        assert_eq!(wait.as_secs(), 178);
        assert!(bucket.take(start + wait / 2, 0.0).is_err());
        assert_eq!(bucket.take(start + wait, 0.0), Ok(()));
        assert!(bucket.take(start + wait, 0.0).is_err());
        assert_eq!(bucket.take(start + Duration::from_secs(86_400), 0.0), Ok(()));
        assert_eq!(bucket.tokens, 19.0, "it never holds more than its burst");
    }

    #[test]
    fn who_is_to_spare_tokens_leaves_them_to_others() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Operation::SearchOrders, start);
        let calls = (0..30).take_while(|_| bucket.take(start, 5.0).is_ok()).count();
        assert_eq!(calls, 15);
        assert_eq!(bucket.take(start, 0.0), Ok(()));
    }

    #[test]
    fn the_rate_that_amazon_tells_counts_and_nonsense_does_not() {
        let limits = Limits::new();
        for told in [None, Some(0.0), Some(-1.0), Some(f64::NAN), Some(f64::INFINITY)] {
            limits.learn(Operation::SearchOrders, told);
        }
        assert_eq!(limits.with(Operation::SearchOrders, |bucket| bucket.rate), 0.005_6);
        let refused = limits.refused(Operation::SearchOrders, Some(0.1));
        assert!(matches!(refused, PortError::Retry { after_seconds: Some(10), .. }), "{refused:?}");
        assert_eq!(limits.left(Operation::SearchOrders), 0);
        assert_eq!(limits.left(Operation::GetOrder), 30, "each operation has its own");
    }
}
