//! Rules: which orders get which treatment. Reference section 5.
//!
//! A rule is a tree ([`Body`]): branches with tests, actions at the leaves. The first branch that matches is entered, and nothing goes
//! back up. It is checked and compiled once ([`compile`]), then judged on the [`Facts`] of an order by [`evaluate`], which is pure: no
//! clock, no database, no effect, so that what a rule would do can be tried on any order without touching it.

mod body;
mod compile;
mod evaluate;
mod facts;
mod field;
mod operator;

pub use body::{Action, Body, Match, Node, NodeId, Test, Then};
pub use compile::{Compiled, Fault, LIMITS, Limits, compile};
pub use evaluate::{Outcome, Step, TestStep, evaluate, explain};
pub use facts::{Facts, Seen};
pub use field::{Field, FieldGroup, FieldKind, Unit};
pub use operator::{Arity, Operator, Shape};
