//! What channels are told of their orders: despatches and cancellations, in an outbox, until they confirm. Reference 3.4.
//!
//! The message is written in the transaction that processes the order. The worker takes it, calls the connector outside any
//! transaction, and settles it. Taking counts as a try, so a crash in between leads to another look, not to a silent loss; a
//! connector that sees `attempts > 0` looks before it sends.

mod outbox;
mod store;

pub use outbox::{
    Message, MessageKind, MessageLine, MessageState, Settled, Taken, of_order, queue_cancellation, queue_despatch,
    send_again, settle, take,
};

use consign_db::Tx;
use consign_values::ChannelId;

use crate::{Ctx, Result};

/// Whether an instance has messages to be told now. Reads only.
pub fn any_due(tx: &mut Tx<'_>, ctx: &Ctx<'_>, channel: ChannelId) -> Result<bool> {
    store::any_due(tx, channel, ctx.now())
}
