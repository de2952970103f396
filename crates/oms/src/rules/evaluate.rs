//! A rule is judged on the facts of an order: which leaf is reached, and on the way there what was seen at each test. Pure.
//!
//! The first branch that matches is entered; nothing goes back up (reference 5.3). [`evaluate`] is the quick way, for many orders;
//! [`explain`] takes the same way and keeps what it saw.

use super::compile::{Compiled, Matcher, Ready, ReadyTest, ReadyThen};
use super::facts::Folded;
use super::{Action, Facts, Field, Match, NodeId, Seen};

/// What came of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome<'r> {
    /// The leaf that was reached; none if no branch, or nothing under one, matched.
    pub leaf: Option<NodeId>,
    /// What is to be done.
    pub actions: &'r [Action],
}

/// A node that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The node.
    pub node: NodeId,
    /// It matched.
    pub matched: bool,
    /// What its tests saw, as far as they were needed.
    pub tests: Vec<TestStep>,
}

/// A test that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestStep {
    /// Its place in the node, from 0.
    pub place: usize,
    /// What it looked at.
    pub field: Field,
    /// What was there.
    pub seen: String,
    /// It held.
    pub held: bool,
}

/// Judges the rule.
pub fn evaluate<'r>(rule: &'r Compiled, facts: &Facts) -> Outcome<'r> {
    go(rule, |node| match node.matching {
        Match::All => node.tests.iter().all(|test| test.holds(facts)),
        Match::Any => node.tests.is_empty() || node.tests.iter().any(|test| test.holds(facts)),
    })
}

/// Judges the rule and tells each step.
pub fn explain<'r>(rule: &'r Compiled, facts: &Facts) -> (Outcome<'r>, Vec<Step>) {
    let mut steps = Vec::new();
    let outcome = go(rule, |node| {
        let mut tests = Vec::new();
        let mut matched = node.matching == Match::All || node.tests.is_empty();
        for test in &node.tests {
            let seen = facts.get(test.field, &test.key);
            let held = test.holds(facts);
            tests.push(TestStep { place: test.place, field: test.field, seen: seen.to_string(), held });
            if held != (node.matching == Match::All) {
                matched = held;
                break;
            }
        }
        steps.push(Step { node: node.id, matched, tests });
        matched
    });
    (outcome, steps)
}

fn go(rule: &Compiled, mut matches: impl FnMut(&Ready) -> bool) -> Outcome<'_> {
    let mut siblings = rule.nodes.as_slice();
    loop {
        match siblings.iter().find(|node| matches(node)) {
            None => return Outcome { leaf: None, actions: &[] },
            Some(Ready { id, then: ReadyThen::Actions(actions), .. }) => return Outcome { leaf: Some(*id), actions },
            Some(Ready { then: ReadyThen::Nodes(under), .. }) => siblings = under,
        }
    }
}

impl ReadyTest {
    fn holds(&self, facts: &Facts) -> bool {
        let found = match facts.get(self.field, &self.key) {
            Seen::Nothing => false,
            Seen::Text(text) => self.matcher.fits_text(text),
            Seen::Texts(texts) => texts.iter().any(|text| self.matcher.fits_text(text)),
            Seen::Number(number) => self.matcher.fits_number(*number),
            Seen::Numbers(numbers) => numbers.iter().any(|number| self.matcher.fits_number(*number)),
            Seen::Flag(flag) => matches!(self.matcher, Matcher::Flag(wanted) if wanted == *flag),
        };
        found != self.negated
    }
}

impl Matcher {
    fn fits_text(&self, text: &Folded) -> bool {
        let folded = text.folded();
        match self {
            Matcher::OneOf(values) => values.binary_search_by(|value| value.as_str().cmp(folded)).is_ok(),
            Matcher::StartOf(values) => values.iter().any(|value| folded.starts_with(value.as_str())),
            Matcher::EndOf(values) => values.iter().any(|value| folded.ends_with(value.as_str())),
            Matcher::PartOf(values) => values.iter().any(|value| folded.contains(value.as_str())),
            Matcher::Pattern(patterns) => patterns.is_match(text.shown()),
            _ => false,
        }
    }

    fn fits_number(&self, number: i64) -> bool {
        match self {
            Matcher::NumberOf(values) => values.binary_search(&number).is_ok(),
            Matcher::Above(limit) => number > *limit,
            Matcher::AtOrAbove(limit) => number >= *limit,
            Matcher::Below(limit) => number < *limit,
            Matcher::AtOrBelow(limit) => number <= *limit,
            Matcher::Between(low, high) => *low < number && number < *high,
            Matcher::BetweenInclusive(low, high) => *low <= number && number <= *high,
            _ => false,
        }
    }
}
