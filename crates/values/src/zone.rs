//! Time zones by their IANA name, for files, timetables and what a person reads. `jiff` brings the database along.

use std::fmt;

use crate::Timestamp;

/// A time zone of the IANA database, such as `Europe/London`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: jiff::tz::TimeZone,
}

impl Default for Zone {
    fn default() -> Self {
        Zone { name: "UTC".to_owned(), rules: jiff::tz::TimeZone::UTC }
    }
}

impl Zone {
    /// The zone of that name, in whatever case; `None` for an unknown one.
    pub fn parse(name: &str) -> Option<Self> {
        let rules = jiff::tz::TimeZone::get(name.trim()).ok()?;
        let name = rules.iana_name()?.to_owned();
        Some(Zone { name, rules })
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All names, sorted: for a list to choose from.
    pub fn names() -> Vec<String> {
        jiff::tz::db().available().map(|name| name.to_string()).collect()
    }

    /// The moment on this zone's clocks, by a pattern of `strftime`.
    pub fn show(&self, at: Timestamp, pattern: &str) -> String {
        self.civil(at).strftime(pattern).to_string()
    }

    /// Minutes since midnight on this zone's clocks (0 to 1,439).
    pub fn minute_of_day(&self, at: Timestamp) -> i64 {
        let civil = self.civil(at);
        i64::from(civil.hour()) * 60 + i64::from(civil.minute())
    }

    /// Day of the week on this zone's clocks: 1 is Monday, 7 is Sunday.
    pub fn weekday(&self, at: Timestamp) -> i64 {
        i64::from(self.civil(at).weekday().to_monday_one_offset())
    }

    /// The moment at which this zone's clocks show that minute of that day, `days` after the day of `at`. In the hour that is skipped
    /// in spring it is the moment after the gap; in the one that comes twice, the first.
    pub fn moment_on(&self, at: Timestamp, days: i64, minute_of_day: i64) -> Option<Timestamp> {
        let date = self.civil(at).date().checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        let (hour, minute) = (i8::try_from(minute_of_day / 60).ok()?, i8::try_from(minute_of_day % 60).ok()?);
        let time = jiff::civil::Time::new(hour, minute, 0, 0).ok()?;
        self.moment(date.to_datetime(time))
    }

    /// Reads a date, or a date and time, without a zone as this zone's clocks show it; one that names its offset is taken by it.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let spaced = text.trim().replacen(' ', "T", 1);
        if spaced.parse::<jiff::Timestamp>().is_ok() {
            return Timestamp::parse(text);
        }
        let civil = spaced
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| spaced.parse::<jiff::civil::Date>().map(|date| date.at(0, 0, 0, 0)));
        self.moment(civil.ok()?)
    }

    fn civil(&self, at: Timestamp) -> jiff::civil::DateTime {
        let instant = jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.rules.to_datetime(instant)
    }

    fn moment(&self, civil: jiff::civil::DateTime) -> Option<Timestamp> {
        let micros = self.rules.to_timestamp(civil).ok()?.as_microsecond();
        (micros >= 0).then_some(Timestamp(micros))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_date_without_a_zone_is_read_by_the_clocks_of_its_zone() {
        let london = Zone::parse("europe/london").unwrap();
        assert_eq!(london.name(), "Europe/London");
        assert_eq!(london.read("2026-07-01 09:30").unwrap(), at("2026-07-01T08:30:00Z"));
        assert_eq!(london.read("2026-01-01").unwrap(), at("2026-01-01T00:00:00Z"));
        assert_eq!(london.read("2026-07-01T09:30:00+05:00").unwrap(), at("2026-07-01T04:30:00Z"));
        assert_eq!(london.show(at("2026-07-01T08:30:00Z"), "%d/%m/%Y %H:%M"), "01/07/2026 09:30");
    }

    #[test]
    fn a_timetable_stays_on_local_time_when_the_clocks_change() {
        let london = Zone::parse("Europe/London").unwrap();
        let before = at("2026-03-28T12:00:00Z");
        assert_eq!(london.moment_on(before, 0, 9 * 60).unwrap(), at("2026-03-28T09:00:00Z"));
        assert_eq!(london.moment_on(before, 1, 9 * 60).unwrap(), at("2026-03-29T08:00:00Z"));
        assert_eq!(london.moment_on(before, 1, 90).unwrap(), at("2026-03-29T01:30:00Z"), "the hour that is skipped");
        assert_eq!(london.weekday(before), 6);
        assert_eq!(london.minute_of_day(at("2026-07-01T08:30:00Z")), 570);
    }

    #[test]
    fn unknown_names_are_no_zones() {
        assert_eq!(Zone::parse("Mars/Olympus"), None);
        assert!(Zone::names().iter().any(|name| name == "America/New_York"));
    }
}
