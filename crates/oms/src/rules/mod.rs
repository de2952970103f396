//! Rules: which orders get which treatment. Reference section 5.
//!
//! A rule is a tree ([`Body`]): branches with tests, actions at the leaves. The first branch that matches is entered, and nothing goes
//! back up. It is checked and compiled once ([`compile`]), then judged on the [`Facts`] of an order by [`evaluate`], which is pure: no
//! clock, no database, no effect, so that what a rule would do can be tried on any order without touching it. `book` keeps the rules and
//! their versions, `look` reads the facts of an order, `run` runs what is live and keeps what each rule saw and did.

mod act;
mod body;
mod book;
mod compile;
mod evaluate;
mod facts;
mod field;
mod look;
mod operator;
mod run;
mod store;
mod trace;

pub use body::{Action, Body, Match, Node, NodeId, Test, Then};
pub use book::{
    Rule, RuleVersion, as_errors, create, delete, edit, editable, enable, get, list, publish, reorder, roll_back,
    version, versions,
};
pub use compile::{Compiled, Fault, LIMITS, Limits, compile};
pub use evaluate::{Outcome, Step, TestStep, evaluate, explain};
pub use facts::{Facts, Seen};
pub use field::{Field, FieldGroup, FieldKind, Unit};
pub use look::facts;
pub use operator::{Arity, Operator, Shape};
pub use run::{JOB, LOOK_SECONDS, any_due, ensure_job, run_on, try_on, work};
pub use trace::{ActionResult, ActionTrace, RuleRun, RuleTrace, StepTrace, TestTrace, runs};

pub(crate) use run::due_of_history;
pub(crate) use trace::forget;
