//! All kinds of channel that this build knows.
//!
//! A new kind is a new folder and one line in [`Registry::new`]. The instances are somebody else's: `server` joins a stored
//! connection with the kind of that code.

use std::sync::Arc;
use std::time::Duration;

use consign_ports::ChannelKind;

use crate::amazon::AmazonKind;
use crate::app::AppKind;
use crate::http::Http;
use crate::medusa::MedusaKind;
use crate::networks::Networks;
use crate::shopify::ShopifyKind;
use crate::vendure::VendureKind;
use crate::woocommerce::WooCommerceKind;

/// Limits for all calls to the outside.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which networks channels may live in.
    pub networks: Networks,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest a channel app may take to answer: the protocol says 10 seconds.
    pub app_timeout: Duration,
    /// The longest a web shop may take to answer.
    pub shop_timeout: Duration,
    /// The most bytes that are read of one answer.
    pub body_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            networks: Networks::default(),
            connect_timeout: Duration::from_secs(5),
            app_timeout: Duration::from_secs(10),
            shop_timeout: Duration::from_secs(30),
            body_bytes_max: 32 * 1024 * 1024,
        }
    }
}

/// The kinds by their codes.
#[derive(Clone)]
pub struct Registry {
    kinds: Vec<Arc<dyn ChannelKind>>,
}

impl Registry {
    /// All kinds, sharing one HTTP client.
    pub fn new(options: Options) -> Self {
        let http = Http::new(options.networks.clone(), options.connect_timeout, options.body_bytes_max);
        Registry {
            kinds: vec![
                Arc::new(AppKind::new(http.clone(), options.app_timeout)),
                Arc::new(VendureKind::new(http.clone(), options.shop_timeout)),
                Arc::new(MedusaKind::new(http.clone(), options.shop_timeout)),
                Arc::new(WooCommerceKind::new(http.clone(), options.shop_timeout)),
                Arc::new(ShopifyKind::new(http.clone(), options.shop_timeout)),
                Arc::new(AmazonKind::new(http, options.shop_timeout)),
            ],
        }
    }

    /// The kind with this code.
    pub fn get(&self, code: &str) -> Option<Arc<dyn ChannelKind>> {
        self.kinds.iter().find(|kind| kind.code() == code).cloned()
    }

    /// All kinds, in the order in which they are offered.
    pub fn all(&self) -> &[Arc<dyn ChannelKind>] {
        &self.kinds
    }
}

/// All kinds, in the order in which they are offered.
pub fn kinds(options: Options) -> Vec<Arc<dyn ChannelKind>> {
    Registry::new(options).kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_code_and_a_guide_with_the_three_sections() {
        let registry = Registry::new(Options::default());
        let mut codes: Vec<_> = registry.all().iter().map(|kind| kind.code()).collect();
        codes.dedup();
        assert_eq!(codes, ["app", "vendure", "medusa", "woocommerce", "shopify", "amazon"]);
        for kind in registry.all() {
            for heading in ["## Rules & guidelines", "## How to add", "## How to configure"] {
                assert!(kind.guide().contains(heading), "{} lacks {heading:?}", kind.code());
            }
            assert!(!kind.first_step().fields.is_empty());
        }
        assert!(registry.get("nothing").is_none());
    }
}
