//! Lines change, and what they claim with them: claims that stay the same are not touched, so that an edit never costs an order
//! the stock that it holds.

use std::collections::BTreeMap;

use consign_db::Tx;
use consign_values::{LineId, OrderId};

use crate::stock::{Book, Cause, Claim, Wanted, refresh};
use crate::{Ctx, Result};

/// Releases the claims `before` that are not wanted `after`, writes the rows by `write`, claims what is new, and brings the
/// orders' stock state up to date. Units that a line gives up go to its successors in `after` first.
pub fn reclaim(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    cause: Cause,
    before: Vec<Claim>,
    after: Vec<Wanted>,
    orders: &[OrderId],
    write: impl FnOnce(&mut Tx<'_>) -> Result<()>,
) -> Result<()> {
    let wanted: BTreeMap<LineId, &Wanted> = after.iter().map(|wanted| (wanted.line_id, wanted)).collect();
    let same = |claim: &Claim, wanted: &Wanted| {
        let place = (wanted.order_id, wanted.location_id, wanted.item_id, wanted.quantity);
        (claim.order_id, claim.location_id, claim.item_id, claim.quantity) == place
            && (claim.despatch_by, claim.priority) == (wanted.despatch_by, wanted.priority)
    };
    let (kept, gone): (Vec<Claim>, Vec<Claim>) =
        before.into_iter().partition(|claim| wanted.get(&claim.line_id).is_some_and(|wanted| same(claim, wanted)));
    let kept: Vec<LineId> = kept.into_iter().map(|claim| claim.line_id).collect();
    let fresh: Vec<&Wanted> = after.iter().filter(|wanted| !kept.contains(&wanted.line_id)).collect();
    let keys = gone.iter().map(|claim| (claim.item_id, claim.location_id));
    let keys: Vec<_> = keys.chain(fresh.iter().map(|wanted| (wanted.item_id, wanted.location_id))).collect();
    let mut book = Book::open(tx, ctx, keys)?;
    for claim in &gone {
        book.release(cause, claim);
    }
    book.write_releases(tx)?;
    write(tx)?;
    for wanted in fresh {
        book.claim(cause, wanted);
    }
    book.close(tx)?;
    refresh(tx, orders)
}
