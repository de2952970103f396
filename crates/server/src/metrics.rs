//! What is counted, in the text format of Prometheus.

use std::time::Duration;

use consign_oms::despatch::Settled;
use consign_oms::orders::Received;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct JobKind {
    kind: String,
    ok: &'static str,
}

/// The counters of this process.
pub struct Metrics {
    registry: Registry,
    payloads: Family<Outcome, Counter>,
    messages: Family<Outcome, Counter>,
    jobs: Family<JobKind, Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("consign");
        let payloads = Family::<Outcome, Counter>::default();
        let messages = Family::<Outcome, Counter>::default();
        let jobs =
            Family::<JobKind, Histogram>::new_with_constructor(|| Histogram::new(exponential_buckets(0.005, 4.0, 8)));
        registry.register(
            "payloads",
            "Order payloads received from channels, by what became of them",
            payloads.clone(),
        );
        registry.register(
            "messages",
            "Tries to tell a channel of a despatch or cancellation, by outcome",
            messages.clone(),
        );
        registry.register("job_seconds", "Duration of jobs", jobs.clone());
        Metrics { registry, payloads, messages, jobs }
    }
}

impl Metrics {
    /// A page was received.
    pub fn received(&self, received: Received) {
        for (outcome, count) in [
            ("taken", received.taken),
            ("updated", received.updated),
            ("unchanged", received.unchanged),
            ("ignored", received.ignored),
            ("rejected", received.rejected),
        ] {
            self.payloads.get_or_create(&Outcome { outcome }).inc_by(count as u64);
        }
    }

    /// A message was settled.
    pub fn settled(&self, settled: &Settled) {
        let outcome = match settled {
            Settled::Confirmed => "confirmed",
            Settled::Rejected(_) => "rejected",
            Settled::Retry { .. } => "retry",
        };
        self.messages.get_or_create(&Outcome { outcome }).inc();
    }

    /// A job ended.
    pub fn job_done(&self, kind: &str, ok: bool, took: Duration) {
        let kind = JobKind { kind: kind.to_owned(), ok: if ok { "true" } else { "false" } };
        self.jobs.get_or_create(&kind).observe(took.as_secs_f64());
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}
