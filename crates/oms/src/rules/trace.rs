//! What rules saw and did of an order, kept for ever: rule by rule, condition by condition, test by test, action by action.
//!
//! Append-only. Only removing personal data touches it, and takes no more than what was seen.

use std::collections::HashMap;

use consign_db::{Tx, row};
use consign_values::{OrderId, RuleId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Node, NodeId, store};
use crate::{Ctx, Result, changes, decisions, history};

row! {
    /// What the rules saw and did, one time.
    #[derive(Clone, Debug)]
    pub struct RuleRun in "rule_run" {
        /// Its id.
        pub id: i64,
        /// The order.
        pub order_id: OrderId,
        /// Why they ran.
        pub cause: String,
        /// When.
        pub at: Timestamp,
        /// JSON of a list of [`RuleTrace`].
        pub trace: String,
    }
}

impl RuleRun {
    /// Rule by rule, in the sequence in which they ran.
    pub fn trace(&self) -> Vec<RuleTrace> {
        serde_json::from_str(&self.trace).unwrap_or_default()
    }
}

/// What one rule saw and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTrace {
    /// The rule.
    pub rule: RuleId,
    /// Its name then.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// The conditions that were looked at.
    pub steps: Vec<StepTrace>,
    /// The condition whose actions were reached; none if no way led to one.
    pub leaf: Option<NodeId>,
    /// What was to be done, and what came of it.
    pub actions: Vec<ActionTrace>,
}

/// What one condition saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTrace {
    /// The condition.
    pub node: NodeId,
    /// Its name then.
    pub name: String,
    /// It matched.
    pub matched: bool,
    /// Its tests, as far as they were needed.
    pub tests: Vec<TestTrace>,
}

/// What one test saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestTrace {
    /// What it asks, in words: `Country is IE`.
    pub asks: String,
    /// What was there.
    pub seen: String,
    /// It held.
    pub held: bool,
}

/// What came of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionResult {
    /// It was done, or was so already.
    Done,
    /// A person or a program had set that, so it was left.
    Kept,
    /// It can't be done.
    Failed,
    /// It was only a try.
    Untried,
}

/// What one action did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionTrace {
    /// What was to be done, in words.
    pub what: String,
    /// What came of it.
    pub result: ActionResult,
    /// Why not, where it was not.
    pub why: String,
}

/// What the rules have seen and done of an order, latest first; at most the last 100 times.
pub fn runs(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<RuleRun>> {
    store::runs(tx, order)
}

/// Takes what was seen of an order out of its traces: which rule did what stays.
pub(crate) fn forget(tx: &mut Tx<'_>, order: OrderId, instead: &str) -> Result<()> {
    for run in store::all_runs(tx, order)? {
        let mut trace = run.trace();
        for test in trace.iter_mut().flat_map(|rule| &mut rule.steps).flat_map(|step| &mut step.tests) {
            instead.clone_into(&mut test.seen);
        }
        store::set_trace(tx, run.id, &serde_json::to_string(&trace).unwrap_or_default())?;
    }
    Ok(())
}

pub(super) fn step_trace(step: &super::Step, nodes: &HashMap<NodeId, &Node>) -> StepTrace {
    let node = nodes.get(&step.node);
    let asks = |place: usize| {
        let test = node.and_then(|node| node.tests.get(place));
        test.map_or_else(String::new, super::Test::words)
    };
    let tests = step.tests.iter().map(|test| TestTrace {
        asks: asks(test.place),
        seen: consign_values::clean(&test.seen, 200),
        held: test.held,
    });
    StepTrace {
        node: step.node,
        name: node.map_or_else(String::new, |node| node.name.clone()),
        matched: step.matched,
        tests: tests.collect(),
    }
}

/// Keeps the trace, and tells on the order what was done by which rule.
pub(super) fn keep(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, cause: &str, traces: &[RuleTrace]) -> Result<()> {
    if traces.is_empty() {
        return Ok(());
    }
    let trace = serde_json::to_string(traces).unwrap_or_default();
    let run = RuleRun { id: tx.next_id("row")?, order_id: id, cause: cause.to_owned(), at: ctx.now(), trace };
    tx.insert(&run)?;
    let mut said = Vec::new();
    for rule in traces.iter().filter(|rule| rule.leaf.is_some()) {
        let done: Vec<String> = rule.actions.iter().map(ActionTrace::words).collect();
        said.push(format!("{} (version {}): {}", rule.name, rule.version, done.join(", ")));
    }
    let said = if said.is_empty() { "no rule matched".to_owned() } else { said.join("; ") };
    history::record(tx, ctx, "order", id.0, "rules ran", said.clone())?;
    decisions::record(tx, ctx, id, "rules", said, format!("{} rules were asked: {cause}", traces.len()))?;
    changes::announce(tx, ctx, "order", [id.0])
}

impl ActionTrace {
    fn words(&self) -> String {
        match self.result {
            ActionResult::Done | ActionResult::Untried => self.what.clone(),
            ActionResult::Kept => format!("{} – left: {}", self.what, self.why),
            ActionResult::Failed => format!("{} – failed: {}", self.what, self.why),
        }
    }
}
