//! What can go wrong with a call to the outside, told as what to do about it.

/// The outcome of a call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Passing trouble: time-out, connection refused, 5xx, 429. Try again; no sooner than `after` where the channel said so.
    /// Whether the call took effect is unknown unless the connector can tell.
    #[error("{message}")]
    Retry {
        /// What happened, for people.
        message: String,
        /// Seconds that the channel asked us to wait (`Retry-After`).
        after_seconds: Option<u32>,
    },
    /// The channel understood and said no. Trying again as it is will not help.
    #[error("{0}")]
    Refused(String),
    /// The credentials are wrong, expired or lack a permission. The instance pauses until a person mends it.
    #[error("{0}")]
    Unauthorised(String),
    /// The channel answered something that its protocol does not allow. The bytes are kept where there is an order to keep them for.
    #[error("{0}")]
    Protocol(String),
}

impl PortError {
    /// Passing trouble without a time given by the channel.
    pub fn retry(message: impl Into<String>) -> Self {
        PortError::Retry { message: message.into(), after_seconds: None }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, PortError::Retry { .. } | PortError::Protocol(_))
    }
}
