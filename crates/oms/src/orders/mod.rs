//! Orders: taken in exactly once, put at one location, held, moved, processed, cancelled. Reference sections 1-3.

mod actions;
mod auto_merge;
mod cancel;
mod centre;
mod compose;
mod draft;
mod edit;
mod hold;
mod import;
mod landing;
mod link;
mod merge;
mod money;
mod move_to;
mod note;
mod order;
mod process;
mod receive;
mod reclaim;
mod relations;
mod search;
mod search_text;
mod split;
mod store;
mod take;
mod update;
mod view;

pub use actions::{Action, actions, refusal};
pub use auto_merge::{AUTO_MERGE_SECONDS, auto_merge, set_no_merge};
pub use cancel::{cancel, delete};
pub use centre::{CentreAnswer, CentreStatus, centre_answered, centre_said};
pub use draft::{
    DIRECT, Draft, DraftForm, begin_draft, complete_draft, discard_draft, draft, drafts, mark_paid, save_draft,
};
pub use edit::{LineEdit, OrderEdit, edit, editable};
pub use hold::{lock, park, unlock, unpark};
pub use import::{ImportOutcome, Imported, known_imports, take_imported};
pub use link::{link_line, link_waiting};
pub use merge::{MERGED, MergeCheck, merge, merge_check};
pub use move_to::move_to;
pub use note::{add_note, delete_note, edit_note, set_properties, set_shipping, set_tag};
pub use order::{
    CentreState, DespatchState, Detail, Hold, HoldKind, HoldReason, Line, NO_DEADLINE, Note, Order, OrderState, Payment,
};
pub use process::{process, process_notes_read};
pub use receive::{PageOutcome, Received, receive_page, receive_told, retry_rejected};
pub use relations::{Relation, RelationKind, is_split, relations};
pub use search::{Count, Filter, Page, Scope, Sort, count, ids, search};
pub use split::{Part, split};
pub use view::{LineView, OrderView, provenance, view};

pub(crate) use money::postage_tax;
pub(crate) use search_text::index;
pub(crate) use store::set_despatch_state;

use consign_db::Tx;
use consign_values::{Address, OrderId};

use crate::{Error, Result};

/// One order.
pub fn get(tx: &mut Tx<'_>, id: OrderId) -> Result<Order> {
    store::find(tx, id)?.ok_or(Error::NotFound("order"))
}

/// Its lines, parts of kits after their line.
pub(crate) fn lines_of(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Line>> {
    store::lines(tx, id)
}

/// Its amounts, addresses and properties.
pub(crate) fn detail_of(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Detail>> {
    store::detail(tx, id)
}

/// Its notes.
pub(crate) fn notes_of(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Note>> {
    store::notes(tx, id)
}

/// Where an order goes.
pub fn delivery(tx: &mut Tx<'_>, id: OrderId) -> Result<Address> {
    Ok(store::detail(tx, id)?.ok_or(Error::NotFound("order"))?.delivery())
}

/// These orders, in no particular sequence; unknown ids are left out.
pub fn list_of(tx: &mut Tx<'_>, ids: &[OrderId]) -> Result<Vec<Order>> {
    store::list_of(tx, ids)
}

/// Orders with that reference from whatever source, deleted ones not, newest first; at most 20.
pub fn by_reference(tx: &mut Tx<'_>, reference: &str) -> Result<Vec<Order>> {
    store::by_reference(tx, reference)
}

/// The order that a channel instance knows by that reference.
pub fn find_by_reference(tx: &mut Tx<'_>, source: &str, sub_source: &str, reference: &str) -> Result<Option<Order>> {
    let references = [reference.to_owned()];
    Ok(store::by_references(tx, source, sub_source, &references)?.pop())
}

/// Locks the order, checks that `action` can be done with it, and gives it.
pub(crate) fn open_for(tx: &mut Tx<'_>, id: OrderId, action: Action) -> Result<Order> {
    let order = store::lock(tx, id)?.ok_or(Error::NotFound("order"))?;
    match refusal(&order, action) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(order),
    }
}

/// Fails if the order has changed since it was read at `version`: for forms that were open meanwhile.
pub fn expect_version(tx: &mut Tx<'_>, id: OrderId, version: i64) -> Result<()> {
    let order = store::lock(tx, id)?.ok_or(Error::NotFound("order"))?;
    if order.version == version { Ok(()) } else { Err(Error::Stale) }
}
