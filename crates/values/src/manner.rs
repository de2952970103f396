//! How one person reads and writes dates and numbers: order of a date, clock, marks in numbers, time zone.
//!
//! Pages show and forms read through it; files, programs and everything stored keep ISO 8601, UTC and the decimal point.
//! Reading never guesses: what could be two numbers is neither.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Money, Timestamp, Zone};

/// The order of a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateStyle {
    /// `2026-11-23`
    #[default]
    Iso,
    /// `23/11/2026`
    DayMonth,
    /// `11/23/2026`
    MonthDay,
    /// `23.11.2026`
    Dotted,
}

impl DateStyle {
    /// All, with their codes and how the 23rd of November 2026 looks.
    pub const ALL: &[(DateStyle, &str, &str)] = &[
        (DateStyle::Iso, "iso", "2026-11-23"),
        (DateStyle::DayMonth, "day_month", "23/11/2026"),
        (DateStyle::MonthDay, "month_day", "11/23/2026"),
        (DateStyle::Dotted, "dotted", "23.11.2026"),
    ];

    fn pattern(self) -> &'static str {
        match self {
            DateStyle::Iso => "%Y-%m-%d",
            DateStyle::DayMonth => "%d/%m/%Y",
            DateStyle::MonthDay => "%m/%d/%Y",
            DateStyle::Dotted => "%d.%m.%Y",
        }
    }
}

/// The clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockStyle {
    /// `17:05`
    #[default]
    Hours24,
    /// `5:05 pm`
    Hours12,
}

impl ClockStyle {
    /// Both, with their codes and how five past five in the afternoon looks.
    pub const ALL: &[(ClockStyle, &str, &str)] =
        &[(ClockStyle::Hours24, "hours24", "17:05"), (ClockStyle::Hours12, "hours12", "5:05 pm")];
}

/// The marks in a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberStyle {
    /// `1234.50`
    #[default]
    Point,
    /// `1,234.50`
    CommaPoint,
    /// `1'234.50`
    ApostrophePoint,
    /// `1234,50`
    Comma,
    /// `1.234,50`
    PointComma,
    /// `1 234,50`, with a space that does not break
    SpaceComma,
}

impl NumberStyle {
    /// All, with their codes and how 1234.50 looks.
    pub const ALL: &[(NumberStyle, &str, &str)] = &[
        (NumberStyle::Point, "point", "1234.50"),
        (NumberStyle::CommaPoint, "comma_point", "1,234.50"),
        (NumberStyle::ApostrophePoint, "apostrophe_point", "1'234.50"),
        (NumberStyle::Comma, "comma", "1234,50"),
        (NumberStyle::PointComma, "point_comma", "1.234,50"),
        (NumberStyle::SpaceComma, "space_comma", "1 234,50"),
    ];

    /// What stands before the decimals.
    pub fn decimal_mark(self) -> char {
        match self {
            NumberStyle::Point | NumberStyle::CommaPoint | NumberStyle::ApostrophePoint => '.',
            NumberStyle::Comma | NumberStyle::PointComma | NumberStyle::SpaceComma => ',',
        }
    }

    fn thousands(self) -> Option<char> {
        match self {
            NumberStyle::Point | NumberStyle::Comma => None,
            NumberStyle::CommaPoint => Some(','),
            NumberStyle::ApostrophePoint => Some('\''),
            NumberStyle::PointComma => Some('.'),
            NumberStyle::SpaceComma => Some('\u{a0}'),
        }
    }
}

/// How one person reads and writes. The default is what files and programs use: ISO dates, UTC, the decimal point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// The order of a date.
    pub dates: DateStyle,
    /// The clock.
    pub clock: ClockStyle,
    /// The marks in a number.
    pub numbers: NumberStyle,
    /// Whose clocks.
    pub zone: Zone,
}

impl Manner {
    /// Date and time to the minute: `23/11/2026 5:05 pm`.
    pub fn moment(&self, at: Timestamp) -> String {
        let time = match self.clock {
            ClockStyle::Hours24 => "%H:%M",
            ClockStyle::Hours12 => "%-I:%M %P",
        };
        self.zone.show(at, &format!("{} {time}", self.dates.pattern()))
    }

    /// The date alone.
    pub fn date(&self, at: Timestamp) -> String {
        self.zone.show(at, self.dates.pattern())
    }

    /// As `<input type="datetime-local">` wants it: on this zone's clocks, to the minute.
    pub fn field(&self, at: Timestamp) -> String {
        self.zone.show(at, "%Y-%m-%dT%H:%M")
    }

    /// Reads what such a field sends, or ISO with a zone of its own.
    pub fn read_moment(&self, text: &str) -> Option<Timestamp> {
        self.zone.read(text)
    }

    /// A number with marks: `1.234,50`.
    pub fn number(&self, value: Decimal) -> String {
        let plain = value.to_string();
        let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let mut out = String::from(sign);
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(3) {
                out.extend(self.numbers.thousands());
            }
            out.push(digit);
        }
        if !decimals.is_empty() {
            out.push(self.numbers.decimal_mark());
            out.push_str(decimals);
        }
        out
    }

    /// A number for a field: the decimal mark, no thousands' marks, so that what a form shows is what it takes.
    pub fn plain(&self, value: Decimal) -> String {
        value.to_string().replace('.', &self.numbers.decimal_mark().to_string())
    }

    /// An amount with its currency: `1.234,50 EUR`.
    pub fn money(&self, money: Money) -> String {
        let text = money.to_string();
        match text.rsplit_once(' ') {
            Some((figure, currency)) => {
                let figure = figure.parse().map_or_else(|_| figure.to_owned(), |value| self.number(value));
                format!("{figure} {currency}")
            }
            None => text,
        }
    }

    /// Reads a number as this person writes it. Thousands' marks must stand where they belong; a number with a single one
    /// and no decimals is refused, because others write decimals so: `1,234`. The error is to be read after the field's name.
    pub fn read_number(&self, text: &str) -> Result<Decimal, String> {
        let text = text.trim();
        let example = self.plain(Decimal::new(1_250, 2));
        let wrong = || format!("must be a number such as {example}");
        let mark = self.numbers.decimal_mark();
        let (whole, decimals) = text.split_once(mark).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        if decimals.is_some_and(|digits| digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit())) {
            return Err(wrong());
        }
        let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |rest| ("-", rest));
        let is_mark = |c: char| match self.numbers.thousands() {
            Some('\u{a0}') => matches!(c, ' ' | '\u{a0}' | '\u{202f}'),
            Some('\'') => matches!(c, '\'' | '’'),
            Some(own) => c == own,
            None => false,
        };
        let groups: Vec<&str> = whole.split(is_mark).collect();
        let digits = |group: &&str| !group.is_empty() && group.chars().all(|c| c.is_ascii_digit());
        let (first, rest) = groups.split_first().ok_or_else(wrong)?;
        if !groups.iter().all(digits)
            || rest.iter().any(|group| group.len() != 3)
            || !rest.is_empty() && first.len() > 3
        {
            return Err(wrong());
        }
        if rest.len() == 1 && decimals.is_none() && matches!(self.numbers.thousands(), Some(',' | '.')) {
            let other = format!("{first}{mark}{}", rest[0]);
            return Err(format!("could be {} or {other}; write it without marks between thousands", groups.concat()));
        }
        let number = format!("{sign}{}.{}", groups.concat(), decimals.unwrap_or("0"));
        let value: Decimal = number.parse().map_err(|_| wrong())?;
        Ok(if decimals.is_none() { value.trunc() } else { value })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Currency;

    fn with(numbers: NumberStyle) -> Manner {
        Manner { numbers, ..Manner::default() }
    }

    #[test]
    fn a_moment_is_shown_on_the_persons_clocks_in_their_order() {
        let at = Timestamp::parse("2026-07-01T16:05:30Z").unwrap();
        let zone = Zone::parse("Europe/Berlin").unwrap();
        let shown = |dates, clock| Manner { dates, clock, zone: zone.clone(), ..Manner::default() }.moment(at);
        assert_eq!(shown(DateStyle::Iso, ClockStyle::Hours24), "2026-07-01 18:05");
        assert_eq!(shown(DateStyle::DayMonth, ClockStyle::Hours12), "01/07/2026 6:05 pm");
        assert_eq!(shown(DateStyle::MonthDay, ClockStyle::Hours24), "07/01/2026 18:05");
        assert_eq!(shown(DateStyle::Dotted, ClockStyle::Hours24), "01.07.2026 18:05");
        let manner = Manner { zone, ..Manner::default() };
        assert_eq!(manner.field(at), "2026-07-01T18:05");
        assert_eq!(manner.read_moment("2026-07-01T18:05").unwrap(), Timestamp::parse("2026-07-01T16:05:00Z").unwrap());
    }

    #[test]
    fn amounts_carry_the_persons_marks() {
        let money = Money { amount: 12_345_678_900, currency: Currency::parse("EUR").unwrap() };
        assert_eq!(with(NumberStyle::PointComma).money(money), "1.234.567,89 EUR");
        assert_eq!(with(NumberStyle::CommaPoint).money(money), "1,234,567.89 EUR");
        assert_eq!(with(NumberStyle::Point).money(money), "1234567.89 EUR");
        let back = Money { amount: -1_234_500, ..money };
        assert_eq!(with(NumberStyle::ApostrophePoint).money(back), "-123.45 EUR");
    }

    #[test]
    fn a_number_that_could_be_two_is_refused() {
        let read = |style, text| with(style).read_number(text).map(|number| number.normalize().to_string());
        assert_eq!(read(NumberStyle::PointComma, "1.234,50").unwrap(), "1234.5");
        assert_eq!(read(NumberStyle::PointComma, "1.234.567").unwrap(), "1234567");
        assert_eq!(read(NumberStyle::SpaceComma, "1 234").unwrap(), "1234");
        assert_eq!(read(NumberStyle::Point, "-0.5").unwrap(), "-0.5");
        let both = read(NumberStyle::PointComma, "1.234").unwrap_err();
        assert!(both.contains("1234 or 1,234"), "{both}");
        for (style, text) in [
            (NumberStyle::PointComma, "12.50"),
            (NumberStyle::Comma, "12.50"),
            (NumberStyle::Point, "1,234.50"),
            (NumberStyle::CommaPoint, "1,23.50"),
            (NumberStyle::CommaPoint, "1234,567.00"),
            (NumberStyle::Point, "1."),
            (NumberStyle::Point, ".5"),
            (NumberStyle::Point, ""),
            (NumberStyle::Point, "1e3"),
            (NumberStyle::Point, "٣"),
        ] {
            assert!(read(style, text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_a_field_shows_is_what_it_takes(amount in -10_000_000_000_i64..10_000_000_000, style in 0_usize..6) {
            let manner = with(NumberStyle::ALL[style].0);
            let value = Decimal::new(amount, 4);
            prop_assert_eq!(manner.read_number(&manner.plain(value)).unwrap(), value);
            prop_assert_eq!(manner.read_number(&manner.number(value)).unwrap(), value);
        }
    }
}
