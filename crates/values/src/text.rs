//! Short texts with a limit: trimmed, not empty, no control characters.

use std::fmt;

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than the limit, in characters.
    #[error("must be at most {0} characters")]
    TooLong(usize),
    /// A control character, such as a line feed or a zero byte.
    #[error("must not contain control characters")]
    Control,
}

/// Trims, and replaces every control character by a space: for text of a channel that is shown but never compared.
/// Cut at `limit` characters.
pub fn clean(text: &str, limit: usize) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.trim().chars().take(limit).collect::<String>().trim_end().to_owned()
}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident, $max:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The most characters it can have.
            pub const MAX: usize = $max;

            /// Trims `text` and takes it if it is neither empty, nor too long, nor contains control characters.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                let text = text.trim();
                if text.is_empty() {
                    return Err(TextError::Empty);
                }
                if text.chars().any(char::is_control) {
                    return Err(TextError::Control);
                }
                if text.chars().count() > Self::MAX {
                    return Err(TextError::TooLong(Self::MAX));
                }
                Ok($name(text.to_owned()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                $name::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

text! {
    /// A stock-keeping unit, as the seller or a channel writes it. Compared as it stands: case counts.
    Sku, 128;
    /// A name for people: of a location, a channel instance, an item.
    Name, 255;
    /// The channel's number of an order.
    Reference, 128;
    /// A barcode as a scanner types it.
    Barcode, 64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_trimmed_and_refused_when_empty_too_long_or_with_control_characters() {
        assert_eq!(Sku::parse("  TEE-S ").unwrap().as_str(), "TEE-S");
        assert_eq!(Sku::parse(" \t "), Err(TextError::Empty));
        assert_eq!(Sku::parse("a\0b"), Err(TextError::Control));
        assert_eq!(Sku::parse(&"é".repeat(128)).map(|s| s.as_str().chars().count()), Ok(128));
        assert_eq!(Sku::parse(&"x".repeat(129)), Err(TextError::TooLong(128)));
    }

    #[test]
    fn cleaned_text_keeps_its_words_and_loses_its_control_characters() {
        assert_eq!(clean(" Ann\r\nLee\u{0} ", 20), "Ann  Lee");
        assert_eq!(clean("abcdef", 3), "abc");
    }
}
