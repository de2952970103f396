//! Rules run: an order that came in paid, or became paid, is judged by every live rule in turn, and what they say is done by the use
//! cases that people's clicks call. Reference 5.2, 5.3, 5.9.
//!
//! An order is noted as due in the transaction that gives the cause ([`due_of_history`]), and run by a job: each cause once, whatever
//! crashes between. What a rule can't do never stops anything: it is kept in the trace, and on the rule.

use std::collections::HashMap;

use consign_db::{Tx, row};
use consign_values::{LocationId, OrderId, RuleId, Timestamp};
use serde::{Deserialize, Serialize};

use super::book::{Rule, RuleVersion, as_errors};
use super::look::facts;
use super::{Action, Body, Compiled, FieldGroup, Node, NodeId, compile, explain, store};
use crate::history::Entry;
use crate::orders::{self, Order, OrderState, Payment};
use crate::{Actor, Ctx, Error, Result, changes, decisions, history, jobs, marks};

/// The job that runs the rules, and its key.
pub const JOB: &str = "rules";
/// Between two looks for orders that are due.
pub const LOOK_SECONDS: i64 = 2;
/// Orders of one transaction.
const BATCH: i64 = 20;

row! {
    /// An order that the rules have yet to see.
    #[derive(Clone, Debug)]
    pub struct Due in "rule_due" {
        /// The order.
        pub order_id: OrderId,
        /// The history entry that was the cause: its kind and id.
        pub cause: String,
        /// When.
        pub at: Timestamp,
    }
}

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

/// Notes orders that are due for what history has just been given: that they came in, or were paid.
pub(crate) fn due_of_history(tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
    let cause =
        |entry: &&Entry| entry.noun == "order" && matches!(entry.kind.as_str(), "received" | "paid" | "completed");
    let due: Vec<Due> = entries
        .iter()
        .filter(cause)
        .map(|entry| Due {
            order_id: OrderId(entry.noun_id),
            cause: format!("{} {}", entry.kind, entry.id),
            at: entry.at,
        })
        .collect();
    if due.is_empty() || !store::any_live(tx)? {
        return Ok(());
    }
    store::put_due(tx, &due)
}

/// Whether orders are due. Reads only.
pub fn any_due(tx: &mut Tx<'_>) -> Result<bool> {
    Ok(!store::due(tx, 1)?.is_empty())
}

/// Makes the job that runs the rules.
pub fn ensure_job(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<()> {
    jobs::ensure(tx, JOB, JOB, "", ctx.now())
}

/// Runs the rules on some orders that are due; `true` if there may be more.
pub fn work(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<bool> {
    let due = store::due(tx, BATCH)?;
    let rules = Live::load(tx)?;
    for one in &due {
        store::delete_due(tx, one.order_id)?;
        if ready(&orders::get(tx, one.order_id)?) {
            rules.run(tx, ctx, one.order_id, &one.cause, false)?;
        }
    }
    Ok(due.len() as i64 == BATCH)
}

/// Runs the rules, or one of them, on an open order because somebody asks. What people have set stays, unless `overwrite`.
pub fn run_on(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    only: Option<RuleId>,
    overwrite: bool,
) -> Result<Vec<RuleTrace>> {
    orders::open_for(tx, id, orders::Action::Tag)?;
    let mut rules = Live::load(tx)?;
    rules.0.retain(|(version, _)| only.is_none_or(|id| version.rule_id == id));
    if rules.0.is_empty() {
        return Err(Error::NotFound("live rule"));
    }
    rules.run(tx, ctx, id, &format!("asked by {}", ctx.actor), overwrite)
}

/// What a tree would see and do on an order, whether it could run there or not. Nothing changes.
pub fn try_on(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, rule: &Rule, body: &Body) -> Result<RuleTrace> {
    let compiled = compile(body).map_err(|faults| Error::Invalid(as_errors(&faults)))?;
    let seen = facts(tx, ctx, id, &compiled.groups)?;
    let (outcome, steps) = explain(&compiled, &seen);
    let names: HashMap<NodeId, &Node> = body.walk().map(|node| (node.id, node)).collect();
    let mut actions = Vec::new();
    for action in outcome.actions {
        actions.push(ActionTrace { what: words(tx, action)?, result: ActionResult::Untried, why: String::new() });
    }
    Ok(RuleTrace {
        rule: rule.id,
        name: rule.name.clone(),
        version: rule.live,
        steps: steps.iter().map(|step| step_trace(step, &names)).collect(),
        leaf: outcome.leaf,
        actions,
    })
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

/// Rules don't run on orders that are unpaid, parked, locked or no longer open (reference 5.2).
fn ready(order: &Order) -> bool {
    order.state == OrderState::Open && order.payment == Payment::Paid && !order.parked && !order.locked
}

/// The live versions in their sequence, ready to be judged.
struct Live(Vec<(RuleVersion, Compiled)>);

impl Live {
    fn load(tx: &mut Tx<'_>) -> Result<Self> {
        let mut live = Vec::new();
        for version in store::live(tx)? {
            // What was published compiles; a stricter program that reads an older version passes it over, and says so.
            match compile(&version.body()) {
                Ok(compiled) => live.push((version, compiled)),
                Err(faults) => {
                    let why = faults.first().map_or("can't be read", |fault| fault.reason.as_str());
                    store::set_trouble(
                        tx,
                        version.rule_id,
                        &format!("version {} can't be used: {why}", version.number),
                    )?;
                }
            }
        }
        Ok(Live(live))
    }

    /// Every rule gets its turn, and sees what earlier ones did; until one of them puts the order aside.
    fn run(&self, tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, cause: &str, overwrite: bool) -> Result<Vec<RuleTrace>> {
        let mut groups: Vec<FieldGroup> = self.0.iter().flat_map(|(_, rule)| rule.groups.iter().copied()).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut seen = facts(tx, ctx, id, &groups)?;
        let mut traces = Vec::new();
        for (version, compiled) in &self.0 {
            let (outcome, steps) = explain(compiled, &seen);
            let body = version.body();
            let names: HashMap<NodeId, &Node> = body.walk().map(|node| (node.id, node)).collect();
            let mut actions = Vec::new();
            let acting = ctx.acting_as(Actor::Rule(version.rule_id, version.number));
            for action in outcome.actions {
                actions.push(apply(tx, &acting, id, version, action, overwrite)?);
            }
            let changed = !actions.is_empty();
            traces.push(RuleTrace {
                rule: version.rule_id,
                name: version.name.clone(),
                version: version.number,
                steps: steps.iter().map(|step| step_trace(step, &names)).collect(),
                leaf: outcome.leaf,
                actions,
            });
            if !ready(&orders::get(tx, id)?) {
                break;
            }
            if changed {
                seen = facts(tx, ctx, id, &groups)?;
            }
        }
        keep(tx, ctx, id, cause, &traces)?;
        Ok(traces)
    }
}

fn step_trace(step: &super::Step, nodes: &HashMap<NodeId, &Node>) -> StepTrace {
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
fn keep(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, cause: &str, traces: &[RuleTrace]) -> Result<()> {
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

/// The field of the order that an action sets, as its provenance names it.
fn sets(action: &Action) -> Option<&'static str> {
    match action {
        Action::Location { .. } => Some("location"),
        Action::Service { .. } => Some("service"),
        Action::Tag { .. } => Some("tag"),
        Action::Property { .. } => Some("properties"),
        _ => None,
    }
}

fn apply(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    version: &RuleVersion,
    action: &Action,
    overwrite: bool,
) -> Result<ActionTrace> {
    let what = words(tx, action)?;
    let by_hand = match sets(action) {
        Some(field) if !overwrite => set_by_hand(tx, id, field)?,
        _ => None,
    };
    if let Some(who) = by_hand {
        let why = format!("{who} has set it");
        return Ok(ActionTrace { what, result: ActionResult::Kept, why });
    }
    match tx.attempt(|tx| perform(tx, ctx, id, action)) {
        Ok(()) => Ok(ActionTrace { what, result: ActionResult::Done, why: String::new() }),
        Err(error @ (Error::Refused(_) | Error::NotFound(_) | Error::Invalid(_) | Error::Stale)) => {
            let why = error.to_string();
            store::set_trouble(tx, version.rule_id, &format!("order {id}, {what}: {why}"))?;
            Ok(ActionTrace { what, result: ActionResult::Failed, why })
        }
        Err(error) => Err(error),
    }
}

/// The person or program that set a field last; none if it was a channel, a file, a rule or nobody.
fn set_by_hand(tx: &mut Tx<'_>, id: OrderId, field: &str) -> Result<Option<String>> {
    let Some(detail) = orders::detail_of(tx, id)? else { return Ok(None) };
    let who = orders::provenance(&detail).remove(field);
    Ok(who.filter(|who| who.starts_with("user ") || who.starts_with("token ")))
}

fn perform(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, action: &Action) -> Result<()> {
    let order = orders::get(tx, id)?;
    match action {
        Action::Location { location } if *location == order.location_id => Ok(()),
        Action::Location { location } => orders::move_to(tx, ctx, id, *location),
        Action::Service { carrier, service } => {
            let carrier = if carrier.is_empty() { &order.carrier } else { carrier };
            let service = if service.is_empty() { &order.service } else { service };
            if (carrier, service) == (&order.carrier, &order.service) {
                return Ok(());
            }
            orders::set_shipping(tx, ctx, id, carrier, service, &order.tracking_number)
        }
        Action::Tag { tag } => orders::set_tag(tx, ctx, id, *tag),
        Action::Park { note } => orders::park(tx, ctx, id, note),
        Action::Lock { note } => orders::lock(tx, ctx, id, note),
        Action::Folder { folder } => marks::give(tx, ctx, id, *folder),
        Action::Identifier { identifier } => marks::give(tx, ctx, id, *identifier),
        Action::Property { name, value } => {
            let mut properties = orders::detail_of(tx, id)?.map(|detail| detail.properties()).unwrap_or_default();
            properties.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            properties.push((name.clone(), value.clone()));
            orders::set_properties(tx, ctx, id, &properties)
        }
        Action::BlockMerging {} => orders::set_no_merge(tx, ctx, id, true),
        Action::Note { text, internal, processing } => {
            // Said once: a rule that runs again does not repeat itself.
            if orders::notes_of(tx, id)?.iter().any(|note| note.body == text.trim()) {
                return Ok(());
            }
            orders::add_note(tx, ctx, id, text, *internal, *processing)
        }
    }
}

/// An action in words, with names instead of numbers.
fn words(tx: &mut Tx<'_>, action: &Action) -> Result<String> {
    let place = |tx: &mut Tx<'_>, id: LocationId| -> Result<String> {
        let name = crate::locations::list(tx)?.into_iter().find(|place| place.id == id).map(|place| place.name);
        Ok(name.unwrap_or_else(|| format!("location {id}, which is gone")))
    };
    let mark = |tx: &mut Tx<'_>, id| match marks::get(tx, id) {
        Ok(mark) => Ok(mark.name),
        Err(Error::NotFound(_)) => Ok(format!("number {id}, which is gone")),
        Err(error) => Err(error),
    };
    Ok(match action {
        Action::Location { location } => format!("move to {}", place(tx, *location)?),
        Action::Service { carrier, service } => format!("send by {}", format!("{carrier} {service}").trim()),
        Action::Tag { tag: 0 } => "no tag".to_owned(),
        Action::Tag { tag } => format!("tag {tag}"),
        Action::Park { .. } => "park".to_owned(),
        Action::Lock { .. } => "lock".to_owned(),
        Action::Folder { folder } => format!("into the folder {}", mark(tx, *folder)?),
        Action::Identifier { identifier } => format!("identifier {}", mark(tx, *identifier)?),
        Action::Property { name, value } => format!("property {name} = {value}"),
        Action::BlockMerging {} => "never merge by itself".to_owned(),
        Action::Note { text, .. } => format!("note: {}", consign_values::clean(text, 60)),
    })
}
