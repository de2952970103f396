//! Values on their way in and out: five kinds, the same on both engines, and the types of `values` as one of them.

use consign_values::{
    Barcode, ChannelId, CountryCode, Currency, CustomerId, DespatchId, DraftId, HistoryId, ImportId, InboxId, ItemId,
    JobId, LedgerId, LineId, ListingId, LocationId, MarkId, Name, OrderId, Quantity, Rate, Reference, RuleId,
    ScheduleId, Sku, Timestamp, TokenId, UserId, WebhookId,
};

/// What a column can hold, apart from nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `BIGINT`.
    Int,
    /// `TEXT`.
    Text,
    /// `BOOLEAN`.
    Bool,
    /// `BYTEA`.
    Bytes,
}

/// A borrowed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// A truth value.
    Bool(bool),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A value that is owned, for batches and built queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The same, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Int(v) => ValueRef::Int(*v),
            Value::Text(v) => ValueRef::Text(v),
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::Bytes(v) => ValueRef::Bytes(v),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Int(v) => Value::Int(v),
            ValueRef::Text(v) => Value::Text(v.to_owned()),
            ValueRef::Bool(v) => Value::Bool(v),
            ValueRef::Bytes(v) => Value::Bytes(v.to_vec()),
        }
    }
}

/// A type that can be sent to the database.
pub trait ToValue {
    /// The value, borrowed.
    fn to_value(&self) -> ValueRef<'_>;
}

/// A type that a column can be read into.
pub trait FromValue: Sized {
    /// What the column must hold.
    const KIND: Kind;
    /// Whether it may hold nothing.
    const NULLABLE: bool = false;
    /// Reads it; the error says what is wrong with the value.
    fn from_value(value: ValueRef<'_>) -> Result<Self, String>;
}

impl ToValue for Value {
    fn to_value(&self) -> ValueRef<'_> {
        self.as_ref()
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> ValueRef<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, ToValue::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
    fn from_value(value: ValueRef<'_>) -> Result<Self, String> {
        if value == ValueRef::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl ToValue for str {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Bytes(self)
    }
}

fn unexpected<T>(value: ValueRef<'_>) -> Result<T, String> {
    Err(match value {
        ValueRef::Null => "is null".to_owned(),
        ValueRef::Int(_) => "is a number".to_owned(),
        ValueRef::Text(_) => "is a text".to_owned(),
        ValueRef::Bool(_) => "is a truth value".to_owned(),
        ValueRef::Bytes(_) => "is bytes".to_owned(),
    })
}

/// Implements reading and writing for a type: `column!(Type, Kind, |write| …, |read| …)`.
macro_rules! column {
    ($type:ty, $variant:ident, |$this:ident| $write:expr, |$found:ident| $read:expr) => {
        impl ToValue for $type {
            fn to_value(&self) -> ValueRef<'_> {
                let $this = self;
                ValueRef::$variant($write)
            }
        }
        impl FromValue for $type {
            const KIND: Kind = Kind::$variant;
            fn from_value(value: ValueRef<'_>) -> Result<Self, String> {
                match value {
                    ValueRef::$variant($found) => $read,
                    other => unexpected(other),
                }
            }
        }
        $crate::scalar_row!($type);
    };
}

column!(i64, Int, |v| *v, |v| Ok(v));
column!(String, Text, |v| v, |v| Ok(v.to_owned()));
column!(Vec<u8>, Bytes, |v| v, |v| Ok(v.to_vec()));
column!(Timestamp, Int, |v| v.0, |v| Ok(Timestamp(v)));
column!(Rate, Int, |v| v.0, |v| Ok(Rate(v)));
column!(Quantity, Int, |v| v.units(), |v| Quantity::new(v).ok_or_else(|| format!("{v} is no quantity")));
column!(Currency, Text, |v| v.code(), |v| Currency::parse(v).ok_or_else(|| format!("{v} is no currency")));
column!(CountryCode, Text, |v| v.as_str(), |v| Ok(CountryCode::resolve(v, "").unwrap_or_default()));

impl ToValue for bool {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Bool(*self)
    }
}

impl FromValue for bool {
    const KIND: Kind = Kind::Bool;
    fn from_value(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Bool(v) => Ok(v),
            // SQLite keeps truth values as numbers.
            ValueRef::Int(v @ (0 | 1)) => Ok(v == 1),
            other => unexpected(other),
        }
    }
}
crate::scalar_row!(bool);

macro_rules! ids {
    ($($id:ident),*) => {$( column!($id, Int, |v| v.0, |v| Ok($id(v))); )*};
}
ids!(
    OrderId, LineId, ItemId, LocationId, ChannelId, ListingId, UserId, InboxId, DespatchId, LedgerId, HistoryId, JobId,
    CustomerId, DraftId, ImportId, MarkId, RuleId, ScheduleId, TokenId, WebhookId
);

macro_rules! texts {
    ($($text:ident),*) => {$(
        column!($text, Text, |v| v.as_str(), |v| $text::parse(v).map_err(|e| e.to_string()));
    )*};
}
texts!(Sku, Name, Reference, Barcode);

/// Makes an enum that is stored as a short text: `text_enum! { /// doc  pub enum State { /// doc  Open = "open" } }`.
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Its code.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $code),* }
            }

            /// The one with that code.
            pub fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::ToValue for $name {
            fn to_value(&self) -> $crate::ValueRef<'_> {
                $crate::ValueRef::Text(self.as_str())
            }
        }

        impl $crate::FromValue for $name {
            const KIND: $crate::Kind = $crate::Kind::Text;
            fn from_value(value: $crate::ValueRef<'_>) -> Result<Self, String> {
                let code = <String as $crate::FromValue>::from_value(value)?;
                Self::parse(&code).ok_or_else(|| format!("{code} is no {}", stringify!($name)))
            }
        }

        $crate::scalar_row!($name);
    };
}
