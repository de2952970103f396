//! What can be done with an order now: the blocking matrix of reference 2.6, in this one place. It feeds buttons, menus and refusals.

use super::{CentreState, Order, OrderState, Payment};
use crate::Refusal;

/// Something that a person can do with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Move it to another location.
    Move,
    /// Process it.
    Process,
    /// Park it.
    Park,
    /// Unpark it.
    Unpark,
    /// Lock it.
    Lock,
    /// Unlock it.
    Unlock,
    /// Tag it.
    Tag,
    /// Put it into a folder, or take it out.
    File,
    /// Give it an identifier, or take one away; holds don't keep from that.
    Badge,
    /// Set its extended properties.
    Properties,
    /// Say whether it may be merged by itself.
    NoMerge,
    /// Set carrier, service and tracking number.
    Ship,
    /// Say that the money has come.
    MarkPaid,
    /// Edit it.
    Edit,
    /// Split it.
    Split,
    /// Merge it with others.
    Merge,
    /// Link a line to an item.
    Link,
    /// Cancel it.
    Cancel,
    /// Delete it.
    Delete,
    /// Add a note.
    Note,
    /// Record what the fulfilment centre that has it says of it.
    CentreAnswer,
    /// Send its despatch or cancellation again.
    SendAgain,
}

impl Action {
    /// All of them, in the order of the menus.
    pub const ALL: &'static [Action] = &[
        Action::Process,
        Action::MarkPaid,
        Action::Move,
        Action::Park,
        Action::Unpark,
        Action::Lock,
        Action::Unlock,
        Action::Tag,
        Action::File,
        Action::Badge,
        Action::Properties,
        Action::NoMerge,
        Action::Ship,
        Action::Edit,
        Action::Split,
        Action::Merge,
        Action::Link,
        Action::Note,
        Action::CentreAnswer,
        Action::SendAgain,
        Action::Cancel,
        Action::Delete,
    ];
}

/// Why `action` can't be done with the order now; `None` if it can.
pub fn refusal(order: &Order, action: Action) -> Option<Refusal> {
    use super::DespatchState::{Failed, Off, Rejected};
    match (action, order.state) {
        (_, OrderState::Deleted) => return Some(order.merged_into.map_or(Refusal::Deleted, Refusal::Merged)),
        (Action::Note, _) => return None,
        (Action::SendAgain, OrderState::Processed | OrderState::Cancelled) => {
            let resendable = matches!(order.despatch_state, Rejected | Failed | Off);
            return (!resendable || order.channel_id.is_none()).then_some(Refusal::NothingToResend);
        }
        (Action::SendAgain, OrderState::Open) => return Some(Refusal::NothingToResend),
        (_, OrderState::Processed) => return Some(Refusal::AlreadyProcessed),
        (_, OrderState::Cancelled) => return Some(Refusal::AlreadyCancelled),
        (_, OrderState::Open) => {}
    }
    match action {
        Action::MarkPaid if order.payment == Payment::Paid => Some(Refusal::AlreadyPaid),
        Action::MarkPaid if order.channel_id.is_some() => Some(Refusal::AwaitingPayment),
        Action::MarkPaid => None,
        Action::CentreAnswer => (order.centre != CentreState::Held).then_some(Refusal::NotAtCentre),
        _ if order.centre == CentreState::Held => Some(Refusal::AtCentre),
        Action::Process if order.centre == CentreState::Released => Some(Refusal::CentreProcesses),
        // Holds keep an order from being worked on; they don't keep it where it is.
        Action::Move | Action::Delete | Action::Badge | Action::NoMerge => None,
        Action::Park if order.parked => Some(Refusal::Parked),
        Action::Lock if order.locked => Some(Refusal::Locked),
        Action::Park | Action::Lock => None,
        Action::Unpark => (!order.parked).then_some(Refusal::NotParked),
        Action::Unlock => (!order.locked).then_some(Refusal::NotLocked),
        _ if order.parked => Some(Refusal::Parked),
        _ if order.locked => Some(Refusal::Locked),
        _ => None,
    }
}

/// What can be done with the order now.
pub fn actions(order: &Order) -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| refusal(order, *action).is_none()).collect()
}
