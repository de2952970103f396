//! A rule is checked and made ready once, not for each order.
//!
//! What can't be compiled is told with the node and the test, so that the editor can point at it. Numbers are read, texts folded, lists
//! sorted, regular expressions built (of bounded size, and matched in linear time).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::facts::SCALE;
use super::operator::{Arity, Shape};
use super::{Action, Body, Field, FieldGroup, FieldKind, Match, Node, NodeId, Test, Then};

/// How large a rule may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes of a rule.
    pub nodes: usize,
    /// Levels.
    pub depth: usize,
    /// Tests of a node.
    pub tests: usize,
    /// Values of a test.
    pub values: usize,
    /// Characters of a value, name or key.
    pub text: usize,
    /// Actions of a leaf.
    pub actions: usize,
}

/// How large a rule may be.
pub const LIMITS: Limits = Limits { nodes: 1_000, depth: 20, tests: 50, values: 10_000, text: 512, actions: 20 };

const PATTERN_BYTES: usize = 1 << 16;

/// Why a rule can't be used, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The node.
    pub node: NodeId,
    /// The test's place in it, from 0.
    pub test: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

/// A rule that is ready to be judged.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(super) nodes: Vec<Ready>,
    /// What it looks at.
    pub groups: Vec<FieldGroup>,
}

#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub id: NodeId,
    pub matching: Match,
    pub tests: Vec<ReadyTest>,
    pub then: ReadyThen,
}

#[derive(Clone, Debug)]
pub(super) enum ReadyThen {
    Nodes(Vec<Ready>),
    Actions(Vec<Action>),
}

#[derive(Clone, Debug)]
pub(super) struct ReadyTest {
    /// Its place in the node as it is stored.
    pub place: usize,
    pub field: Field,
    /// In lower case.
    pub key: String,
    pub negated: bool,
    pub matcher: Matcher,
}

/// What one value is held against.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    /// In lower case, sorted.
    OneOf(Vec<String>),
    StartOf(Vec<String>),
    EndOf(Vec<String>),
    PartOf(Vec<String>),
    Pattern(regex::RegexSet),
    /// Sorted.
    NumberOf(Vec<i64>),
    Above(i64),
    AtOrAbove(i64),
    Below(i64),
    AtOrBelow(i64),
    Between(i64, i64),
    BetweenInclusive(i64, i64),
    Flag(bool),
}

/// Checks the rule and makes it ready; else everything that is wrong with it.
pub fn compile(body: &Body) -> Result<Compiled, Vec<Fault>> {
    let mut checking = Checking { faults: Vec::new(), seen: Vec::new(), groups: Vec::new() };
    if body.walk().take(LIMITS.nodes + 1).count() > LIMITS.nodes {
        let reason = format!("a rule has at most {} conditions", LIMITS.nodes);
        return Err(vec![Fault { node: 0, test: None, reason }]);
    }
    let nodes = checking.nodes(&body.nodes, 1);
    let mut ids: Vec<NodeId> = body.walk().map(|node| node.id).collect();
    ids.sort_unstable();
    for twice in ids.windows(2).filter(|pair| pair[0] == pair[1]) {
        checking.fault(twice[0], None, "has the number of another condition");
    }
    checking.groups.sort_unstable();
    checking.groups.dedup();
    if checking.faults.is_empty() { Ok(Compiled { nodes, groups: checking.groups }) } else { Err(checking.faults) }
}

struct Checking {
    faults: Vec<Fault>,
    seen: Vec<String>,
    groups: Vec<FieldGroup>,
}

impl Checking {
    fn fault(&mut self, node: NodeId, test: Option<usize>, reason: impl Into<String>) {
        self.faults.push(Fault { node, test, reason: reason.into() });
    }

    fn nodes(&mut self, nodes: &[Node], depth: usize) -> Vec<Ready> {
        if depth > LIMITS.depth {
            self.fault(
                nodes.first().map_or(0, |node| node.id),
                None,
                format!("lies deeper than {} levels", LIMITS.depth),
            );
            return Vec::new();
        }
        self.seen.clear();
        for node in nodes {
            let name = node.name.trim().to_lowercase();
            if name.is_empty() || name.chars().count() > LIMITS.text {
                self.fault(node.id, None, format!("needs a name of at most {} characters", LIMITS.text));
            } else if self.seen.contains(&name) {
                self.fault(node.id, None, format!("has the name of another condition beside it: {}", node.name));
            }
            self.seen.push(name);
        }
        // Disabled ones are checked as well, so that switching one on never breaks a rule.
        let ready: Vec<(bool, Ready)> = nodes.iter().map(|node| (node.enabled, self.node(node, depth))).collect();
        ready.into_iter().filter(|(enabled, _)| *enabled).map(|(_, node)| node).collect()
    }

    fn node(&mut self, node: &Node, depth: usize) -> Ready {
        if node.tests.len() > LIMITS.tests {
            self.fault(node.id, None, format!("has more than {} tests", LIMITS.tests));
        }
        let tests = node.tests.iter().take(LIMITS.tests).enumerate();
        let tests = tests.filter_map(|(place, test)| self.test(node.id, place, test)).collect();
        let then = match &node.then {
            Then::Nodes(under) => ReadyThen::Nodes(self.nodes(under, depth + 1)),
            Then::Actions(actions) => {
                self.actions(node.id, actions);
                ReadyThen::Actions(actions.clone())
            }
        };
        Ready { id: node.id, matching: node.matching, tests, then }
    }

    fn actions(&mut self, node: NodeId, actions: &[Action]) {
        if actions.len() > LIMITS.actions {
            self.fault(node, None, format!("has more than {} actions", LIMITS.actions));
        }
        for action in actions {
            let wrong = match action {
                Action::Tag { tag } if !(0..=6).contains(tag) => Some("a tag is between 0 and 6"),
                Action::Note { text, .. } if text.trim().is_empty() => Some("a note needs a text"),
                Action::Note { text, .. } if text.chars().count() > 4_000 => {
                    Some("a note has at most 4,000 characters")
                }
                Action::Service { carrier, service } if carrier.is_empty() && service.is_empty() => {
                    Some("a carrier or a service must be named")
                }
                Action::Service { carrier, service } if carrier.len() > 128 || service.len() > 128 => {
                    Some("carrier and service have at most 128 characters")
                }
                Action::Property { name, .. } if name.trim().is_empty() => Some("a property needs a name"),
                Action::Property { name, value } if name.chars().count() > 128 || value.chars().count() > 1_000 => {
                    Some("a property's name has at most 128 characters, its value 1,000")
                }
                Action::Park { note } | Action::Lock { note } if note.chars().count() > LIMITS.text => {
                    Some("the reason has at most 512 characters")
                }
                _ => None,
            };
            if let Some(reason) = wrong {
                self.fault(node, None, reason);
            }
        }
    }

    fn test(&mut self, node: NodeId, place: usize, test: &Test) -> Option<ReadyTest> {
        match ready_test(place, test) {
            Ok(ready) => {
                self.groups.push(test.field.group());
                Some(ready)
            }
            Err(reason) => {
                self.fault(node, Some(place), reason);
                None
            }
        }
    }
}

fn ready_test(place: usize, test: &Test) -> Result<ReadyTest, String> {
    let field = test.field;
    if !field.takes(test.operator) {
        return Err(format!("{} can't be asked whether it {}", field.label(), test.operator.words()));
    }
    let key = test.key.trim().to_lowercase();
    match field.key_label() {
        Some(label) if key.is_empty() => return Err(format!("{label} is missing")),
        None if !key.is_empty() => return Err(format!("{} has no key", field.label())),
        _ => {}
    }
    let count = test.values.len();
    match test.operator.arity() {
        Arity::One if count != 1 => return Err("needs one value".to_owned()),
        Arity::Two if count != 2 => return Err("needs two values".to_owned()),
        Arity::Several if count == 0 => return Err("needs at least one value".to_owned()),
        _ if count > LIMITS.values => return Err(format!("has more than {} values", LIMITS.values)),
        _ => {}
    }
    if test.values.iter().any(|value| value.is_empty() || value.chars().count() > LIMITS.text) {
        return Err(format!("each value has between 1 and {} characters", LIMITS.text));
    }
    let (shape, negated) = test.operator.shape();
    let matcher = match field.kind() {
        FieldKind::Flag => Matcher::Flag(flag(&test.values[0])?),
        FieldKind::Number(_) | FieldKind::Numbers(_) => numbers(shape, &test.values)?,
        _ => texts(shape, &test.values)?,
    };
    Ok(ReadyTest { place, field, key, negated, matcher })
}

fn flag(value: &str) -> Result<bool, String> {
    match value {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err("is yes or no".to_owned()),
    }
}

/// A number in ten-thousandths.
pub(super) fn number(value: &str) -> Result<i64, String> {
    let read = value.trim().parse::<Decimal>().map_err(|_| format!("{value} is not a number"))?;
    let scaled = read.checked_mul(Decimal::from(SCALE)).filter(|number| number.fract().is_zero());
    scaled.and_then(|number| number.to_i64()).ok_or_else(|| format!("{value} has too many digits"))
}

fn numbers(shape: Shape, values: &[String]) -> Result<Matcher, String> {
    let mut read = values.iter().map(|value| number(value)).collect::<Result<Vec<_>, _>>()?;
    Ok(match shape {
        Shape::Above => Matcher::Above(read[0]),
        Shape::AtOrAbove => Matcher::AtOrAbove(read[0]),
        Shape::Below => Matcher::Below(read[0]),
        Shape::AtOrBelow => Matcher::AtOrBelow(read[0]),
        Shape::Between { .. } if read[0] > read[1] => return Err("the first number is the smaller one".to_owned()),
        Shape::Between { inclusive: true } => Matcher::BetweenInclusive(read[0], read[1]),
        Shape::Between { inclusive: false } => Matcher::Between(read[0], read[1]),
        _ => {
            read.sort_unstable();
            Matcher::NumberOf(read)
        }
    })
}

fn texts(shape: Shape, values: &[String]) -> Result<Matcher, String> {
    if shape == Shape::Pattern {
        let patterns = regex::RegexSetBuilder::new(values).case_insensitive(true).size_limit(PATTERN_BYTES).build();
        return patterns.map(Matcher::Pattern).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
            other => format!("is no regular expression: {}", other.to_string().lines().last().unwrap_or_default()),
        });
    }
    let mut folded: Vec<String> = values.iter().map(|value| value.to_lowercase()).collect();
    folded.sort_unstable();
    Ok(match shape {
        Shape::Start => Matcher::StartOf(folded),
        Shape::End => Matcher::EndOf(folded),
        Shape::Part => Matcher::PartOf(folded),
        _ => Matcher::OneOf(folded),
    })
}
