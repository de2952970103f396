//! When a schedule runs: every so many minutes, or at a time of day; on chosen days; on the clocks of its zone.

use consign_values::{FieldErrors, Timestamp, Zone};
use serde::{Deserialize, Serialize};

/// A timetable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timetable {
    /// Minutes from one run to the next; none: once a day, at `from`.
    pub every_minutes: Option<i64>,
    /// First minute of the day (0 to 1,439).
    pub from: i64,
    /// Last minute of the day; for timetables that repeat.
    pub until: i64,
    /// Days of the week, 1 (Monday) to 7; none named means all.
    pub weekdays: Vec<i64>,
    /// IANA name of the zone on whose clocks all this is.
    pub zone: String,
}

const LAST_MINUTE: i64 = 24 * 60 - 1;

impl Default for Timetable {
    fn default() -> Self {
        Timetable { every_minutes: Some(60), from: 0, until: LAST_MINUTE, weekdays: Vec::new(), zone: "UTC".to_owned() }
    }
}

impl Timetable {
    /// What is wrong with it.
    pub fn check(&self, errors: &mut FieldErrors) {
        if self.every_minutes.is_some_and(|minutes| !(1..=24 * 60).contains(&minutes)) {
            errors.add("every_minutes", "must be between 1 and 1,440");
        }
        if !(0..=LAST_MINUTE).contains(&self.from) {
            errors.add("from", "must be a time of day");
        }
        if self.every_minutes.is_some() && !(self.from..=LAST_MINUTE).contains(&self.until) {
            errors.add("until", "must be a time of day, not before the first");
        }
        if self.weekdays.iter().any(|day| !(1..=7).contains(day)) {
            errors.add("weekdays", "must be between 1 (Monday) and 7");
        }
        if Zone::parse(&self.zone).is_none() {
            errors.add("zone", "is no time zone");
        }
    }

    /// The first moment after `last` at which it is time.
    pub fn next(&self, last: Timestamp) -> Timestamp {
        let zone = Zone::parse(&self.zone).unwrap_or_default();
        let wanted = |at: Timestamp| self.weekdays.is_empty() || self.weekdays.contains(&zone.weekday(at));
        if let Some(minutes) = self.every_minutes {
            let at = last.plus_seconds(minutes * 60);
            if wanted(at) && (self.from..=self.until).contains(&zone.minute_of_day(at)) {
                return at;
            }
        }
        // Today's beginning, if it lies ahead, or that of the next day that is wanted. Nine days reach over any gap of a clock.
        let starts = (0..=8).filter_map(|days| zone.moment_on(last, days, self.from));
        starts.into_iter().find(|at| *at > last && wanted(*at)).unwrap_or_else(|| last.plus_seconds(86_400))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn it_repeats_within_its_hours_and_days_on_local_clocks() {
        let office = Timetable {
            every_minutes: Some(30),
            from: 8 * 60,
            until: 17 * 60,
            weekdays: vec![1, 2, 3, 4, 5],
            zone: "Europe/London".to_owned(),
        };
        assert_eq!(office.next(at("2026-07-01T09:00:00Z")), at("2026-07-01T09:30:00Z"), "a Wednesday");
        assert_eq!(
            office.next(at("2026-07-01T15:45:00Z")),
            at("2026-07-02T07:00:00Z"),
            "16:45 there: the next is at eight"
        );
        assert_eq!(office.next(at("2026-07-03T16:00:00Z")), at("2026-07-06T07:00:00Z"), "Friday evening to Monday");
        assert_eq!(office.next(at("2026-07-01T03:00:00Z")), at("2026-07-01T07:00:00Z"));
    }

    #[test]
    fn once_a_day_stays_at_its_hour_when_the_clocks_change() {
        let nightly =
            Timetable { every_minutes: None, from: 120, zone: "Europe/Berlin".to_owned(), ..Timetable::default() };
        assert_eq!(nightly.next(at("2026-10-24T12:00:00Z")), at("2026-10-25T00:00:00Z"));
        assert_eq!(nightly.next(at("2026-10-25T00:00:00Z")), at("2026-10-26T01:00:00Z"));
    }

    #[test]
    fn what_can_not_be_is_named() {
        let mut errors = FieldErrors::new();
        let wrong =
            Timetable { every_minutes: Some(0), from: 1_440, until: 3, weekdays: vec![8], zone: "Mars".to_owned() };
        wrong.check(&mut errors);
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["every_minutes", "from", "until", "weekdays", "zone"]);
    }

    proptest! {
        #[test]
        fn the_next_time_lies_ahead_and_is_wanted(
            every in proptest::option::of(1..1_440_i64), from in 0..1_440_i64, length in 0..1_440_i64,
            weekdays in proptest::collection::vec(1..=7_i64, 0..4), last in 1_700_000_000_i64..1_900_000_000,
        ) {
            let zone = "America/New_York".to_owned();
            let table = Timetable { every_minutes: every, from, until: (from + length).min(LAST_MINUTE), weekdays, zone };
            let last = Timestamp(last * 1_000_000);
            let next = table.next(last);
            prop_assert!(next > last);
            prop_assert!(next.seconds_since(last) <= 9 * 86_400);
            let zone = Zone::parse(&table.zone).unwrap();
            prop_assert!(table.weekdays.is_empty() || table.weekdays.contains(&zone.weekday(next)));
        }
    }
}
