//! Rules run: an order that came in paid, or became paid, is judged by every live rule in turn, and what they say is done by the use
//! cases that people's clicks call. Reference 5.2, 5.3, 5.9.
//!
//! An order is noted as due in the transaction that gives the cause ([`due_of_history`]), and run by a job: each cause once, whatever
//! crashes between. What a rule can't do never stops anything: it is kept in the trace, and on the rule.

use std::collections::HashMap;

use consign_db::{Tx, row};
use consign_values::{OrderId, RuleId, Timestamp};

use super::act::{apply, words};
use super::book::{Rule, RuleVersion, as_errors};
use super::look::facts;
use super::trace::{ActionResult, ActionTrace, RuleTrace, keep, step_trace};
use super::{Body, Compiled, FieldGroup, Node, NodeId, compile, explain, store};
use crate::history::Entry;
use crate::orders::{self, Order, OrderState, Payment};
use crate::{Actor, Ctx, Error, Result, jobs};

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
