//! How a test compares: all evaluators of reference 5.6, each a shape, over one or several values, plain or negated.

consign_db::text_enum! {
    /// A comparison. Text is compared without regard to case.
    pub enum Operator {
        /// The same.
        Equals = "equals",
        /// Not the same.
        NotEquals = "not_equals",
        /// A larger number.
        GreaterThan = "greater_than",
        /// That number or a larger one.
        AtLeast = "at_least",
        /// A smaller number.
        LessThan = "less_than",
        /// That number or a smaller one.
        AtMost = "at_most",
        /// Between two numbers, neither of them.
        BetweenExclusive = "between_exclusive",
        /// Between two numbers, or one of them.
        BetweenInclusive = "between_inclusive",
        /// Begins with the text.
        StartsWith = "starts_with",
        /// Does not begin with the text.
        NotStartsWith = "not_starts_with",
        /// Ends with the text.
        EndsWith = "ends_with",
        /// Does not end with the text.
        NotEndsWith = "not_ends_with",
        /// The text is in it.
        Contains = "contains",
        /// The text is not in it.
        NotContains = "not_contains",
        /// Fits the regular expression, anywhere in it.
        Matches = "matches",
        /// Does not fit the regular expression.
        NotMatches = "not_matches",
        /// One of a list.
        InSet = "in_set",
        /// None of a list.
        NotInSet = "not_in_set",
        /// Begins with one of a list.
        StartsWithAny = "starts_with_any",
        /// Begins with none of a list.
        StartsWithNone = "starts_with_none",
        /// Ends with one of a list.
        EndsWithAny = "ends_with_any",
        /// Ends with none of a list.
        EndsWithNone = "ends_with_none",
        /// One of a list is in it.
        ContainsAny = "contains_any",
        /// None of a list is in it.
        ContainsNone = "contains_none",
        /// Fits one of several regular expressions.
        MatchesAny = "matches_any",
        /// Fits none of several regular expressions.
        MatchesNone = "matches_none",
    }
}

/// What an operator asks of one value, before it is negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The same as one of the values.
    Equal,
    /// A number above the value.
    Above,
    /// A number at or above it.
    AtOrAbove,
    /// A number below it.
    Below,
    /// A number at or below it.
    AtOrBelow,
    /// Between two numbers.
    Between {
        /// The two are in it.
        inclusive: bool,
    },
    /// Begins with one of the values.
    Start,
    /// Ends with one of them.
    End,
    /// Contains one of them.
    Part,
    /// Fits one of them as a regular expression.
    Pattern,
}

/// How many values an operator takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// One.
    One,
    /// Two.
    Two,
    /// One or more.
    Several,
}

impl Operator {
    /// Its shape, and whether what comes of that is turned round.
    pub fn shape(self) -> (Shape, bool) {
        match self {
            Operator::Equals | Operator::InSet => (Shape::Equal, false),
            Operator::NotEquals | Operator::NotInSet => (Shape::Equal, true),
            Operator::GreaterThan => (Shape::Above, false),
            Operator::AtLeast => (Shape::AtOrAbove, false),
            Operator::LessThan => (Shape::Below, false),
            Operator::AtMost => (Shape::AtOrBelow, false),
            Operator::BetweenExclusive => (Shape::Between { inclusive: false }, false),
            Operator::BetweenInclusive => (Shape::Between { inclusive: true }, false),
            Operator::StartsWith | Operator::StartsWithAny => (Shape::Start, false),
            Operator::NotStartsWith | Operator::StartsWithNone => (Shape::Start, true),
            Operator::EndsWith | Operator::EndsWithAny => (Shape::End, false),
            Operator::NotEndsWith | Operator::EndsWithNone => (Shape::End, true),
            Operator::Contains | Operator::ContainsAny => (Shape::Part, false),
            Operator::NotContains | Operator::ContainsNone => (Shape::Part, true),
            Operator::Matches | Operator::MatchesAny => (Shape::Pattern, false),
            Operator::NotMatches | Operator::MatchesNone => (Shape::Pattern, true),
        }
    }

    /// How many values it takes.
    pub fn arity(self) -> Arity {
        match self {
            Operator::BetweenExclusive | Operator::BetweenInclusive => Arity::Two,
            Operator::InSet
            | Operator::NotInSet
            | Operator::StartsWithAny
            | Operator::StartsWithNone
            | Operator::EndsWithAny
            | Operator::EndsWithNone
            | Operator::ContainsAny
            | Operator::ContainsNone
            | Operator::MatchesAny
            | Operator::MatchesNone => Arity::Several,
            _ => Arity::One,
        }
    }

    /// Whether it compares numbers by size.
    pub fn is_ordering(self) -> bool {
        matches!(
            self.shape().0,
            Shape::Above | Shape::AtOrAbove | Shape::Below | Shape::AtOrBelow | Shape::Between { .. }
        )
    }

    /// Whether it looks at parts of a text.
    pub fn is_partial(self) -> bool {
        matches!(self.shape().0, Shape::Start | Shape::End | Shape::Part | Shape::Pattern)
    }

    /// In words, for the rule's summary.
    pub fn words(self) -> &'static str {
        match self {
            Operator::Equals => "is",
            Operator::NotEquals => "is not",
            Operator::GreaterThan => "is more than",
            Operator::AtLeast => "is at least",
            Operator::LessThan => "is less than",
            Operator::AtMost => "is at most",
            Operator::BetweenExclusive => "is strictly between",
            Operator::BetweenInclusive => "is between",
            Operator::StartsWith => "begins with",
            Operator::NotStartsWith => "does not begin with",
            Operator::EndsWith => "ends with",
            Operator::NotEndsWith => "does not end with",
            Operator::Contains => "contains",
            Operator::NotContains => "does not contain",
            Operator::Matches => "fits the pattern",
            Operator::NotMatches => "does not fit the pattern",
            Operator::InSet => "is one of",
            Operator::NotInSet => "is none of",
            Operator::StartsWithAny => "begins with one of",
            Operator::StartsWithNone => "begins with none of",
            Operator::EndsWithAny => "ends with one of",
            Operator::EndsWithNone => "ends with none of",
            Operator::ContainsAny => "contains one of",
            Operator::ContainsNone => "contains none of",
            Operator::MatchesAny => "fits one of the patterns",
            Operator::MatchesNone => "fits none of the patterns",
        }
    }
}
