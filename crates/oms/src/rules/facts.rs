//! What is known of an order, as rules see it: a value for each field.

use std::collections::BTreeMap;
use std::fmt;

use super::Field;

/// A text, and the same in lower case for comparing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    shown: String,
    folded: Option<String>,
}

impl Folded {
    /// The text.
    pub fn new(text: impl Into<String>) -> Self {
        let shown = text.into();
        let folded = shown.to_lowercase();
        Folded { folded: (folded != shown).then_some(folded), shown }
    }

    /// As it was.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// In lower case.
    pub fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.shown)
    }
}

/// A field's value. Numbers are ten-thousandths of their unit, as money is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// There is none: no test holds but a negated one.
    #[default]
    Nothing,
    /// A text or a choice.
    Text(Folded),
    /// Several.
    Texts(Vec<Folded>),
    /// A number.
    Number(i64),
    /// Several.
    Numbers(Vec<i64>),
    /// Yes or no.
    Flag(bool),
}

impl Seen {
    /// A text; a blank one is nothing.
    pub fn text(text: &str) -> Self {
        if text.is_empty() { Seen::Nothing } else { Seen::Text(Folded::new(text)) }
    }

    /// Several texts without the blank ones.
    pub fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Seen::Texts(texts.into_iter().filter(|text| !text.is_empty()).map(Folded::new).collect())
    }

    /// A whole number of units.
    pub fn whole(number: i64) -> Self {
        Seen::Number(number.saturating_mul(SCALE))
    }
}

/// Ten-thousandths in a unit.
pub(super) const SCALE: i64 = 10_000;

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: i64| rust_decimal::Decimal::new(number, 4).normalize().to_string();
        match self {
            Seen::Nothing => f.write_str("nothing"),
            Seen::Text(text) => f.write_str(text.shown()),
            Seen::Texts(texts) => f.write_str(&texts.iter().map(Folded::shown).collect::<Vec<_>>().join(", ")),
            Seen::Number(one) => f.write_str(&number(*one)),
            Seen::Numbers(all) => f.write_str(&all.iter().map(|one| number(*one)).collect::<Vec<_>>().join(", ")),
            Seen::Flag(true) => f.write_str("yes"),
            Seen::Flag(false) => f.write_str("no"),
        }
    }
}

/// All that is known of one order.
#[derive(Clone, Debug)]
pub struct Facts {
    plain: Vec<Seen>,
    keyed: BTreeMap<(Field, String), Seen>,
}

impl Default for Facts {
    fn default() -> Self {
        Facts { plain: vec![Seen::Nothing; Field::ALL.len()], keyed: BTreeMap::new() }
    }
}

impl Facts {
    /// Sets a field's value.
    pub fn set(&mut self, field: Field, seen: Seen) {
        self.plain[field as usize] = seen;
    }

    /// Sets the value of a field with a key; keys are compared without regard to case.
    pub fn set_keyed(&mut self, field: Field, key: &str, seen: Seen) {
        self.keyed.insert((field, key.to_lowercase()), seen);
    }

    /// The value; `key` in lower case, blank for a field without one.
    pub fn get(&self, field: Field, key: &str) -> &Seen {
        if field.key_label().is_none() {
            return &self.plain[field as usize];
        }
        self.keyed.get(&(field, key.to_owned())).unwrap_or(&Seen::Nothing)
    }
}
