//! Moments, and the clock that tells them. `jiff` stays behind this page.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment: microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

const SECOND: i64 = 1_000_000;

impl Timestamp {
    /// Reads what channels send: RFC 3339 with any number of decimals, `2026-01-02 03:04:05Z`, a date and time without a
    /// zone (taken as UTC), a bare date, and `/Date(1767323045000)/`. `None` for anything else, and for years outside 1970 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("/Date(") {
            let ms: i64 = rest.strip_suffix(")/")?.split(['+', '-']).next()?.parse().ok()?;
            return Self::in_range(ms.checked_mul(1_000)?);
        }
        let spaced = text.replacen(' ', "T", 1);
        let moment = spaced.parse::<jiff::Timestamp>().ok().or_else(|| {
            let civil = spaced
                .parse::<jiff::civil::DateTime>()
                .ok()
                .or_else(|| spaced.parse::<jiff::civil::Date>().ok().map(|date| date.at(0, 0, 0, 0)))?;
            civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })?;
        Self::in_range(moment.as_microsecond())
    }

    fn in_range(micros: i64) -> Option<Self> {
        (0..253_402_300_800 * SECOND).contains(&micros).then_some(Timestamp(micros))
    }

    /// `2026-01-02T03:04:05Z`: whole seconds, UTC.
    pub fn to_rfc3339(self) -> String {
        format!("{:.0}", self.jiff())
    }

    /// `2026-01-02T03:04:05.123Z`: milliseconds, UTC.
    pub fn to_rfc3339_millis(self) -> String {
        format!("{:.3}", self.jiff())
    }

    /// `2026-01-02 03:04` in UTC, for lists that people read.
    pub fn to_minutes(self) -> String {
        self.jiff().strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// This moment and `seconds` more (less, if negative). Stops at the ends of time instead of wrapping.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }

    /// Whole seconds from `earlier` to this moment; negative if it lies after.
    pub fn seconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0) / SECOND
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// Where the present moment comes from.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved: for tests and simulations.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Stands at `at`.
    pub fn new(at: Timestamp) -> Self {
        FixedClock(AtomicI64::new(at.0))
    }

    /// Moves on by `seconds`.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * SECOND, Ordering::Relaxed);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_moment_that_channels_use_is_read() {
        let moment = Timestamp(1_767_323_045_000_000);
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02 03:04:05Z",
            "2026-01-02T03:04:05.0000000Z",
            "2026-01-02T04:04:05+01:00",
            "2026-01-02T03:04:05",
            "/Date(1767323045000)/",
            "/Date(1767323045000+0000)/",
        ] {
            assert_eq!(Timestamp::parse(text), Some(moment), "{text}");
        }
        assert_eq!(Timestamp::parse("2026-01-02"), Some(Timestamp(1_767_312_000_000_000)));
        assert_eq!(moment.to_rfc3339(), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn nonsense_is_not_a_moment() {
        for text in ["", "yesterday", "0001-01-01T00:00:00Z", "2026-13-01", "/Date()/", "/Date(99999999999999999)/"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
