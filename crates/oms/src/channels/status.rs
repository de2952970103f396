//! Whether an incoming order is wanted, and as what: the instance's settings and status mapping. Pure. Reference 12.3, 16.2.

use consign_ports::{Capabilities, ChannelPayment, IncomingOrder, StatusTarget};

use super::{Channel, StatusMap};
use crate::orders::Payment;

/// What to do with an incoming order, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it, paid or not.
    Take(Payment, String),
    /// Not wanted; an order that we have stays as it is.
    Ignore(String),
    /// Cancelled on the channel: cancel it if we have it.
    Cancel(String),
}

/// Judges an order by the instance's settings. `known` says that we have it already: then it is followed even where its
/// status would not be downloaded anew.
pub fn judge(channel: &Channel, statuses: &[StatusMap], order: &IncomingOrder, known: bool) -> Verdict {
    let status = order.status.as_str();
    let target = if statuses.is_empty() {
        match order.payment {
            ChannelPayment::Cancelled => StatusTarget::Cancelled,
            _ if order.shipped => StatusTarget::Shipped,
            ChannelPayment::Paid => StatusTarget::Paid,
            ChannelPayment::Unpaid => StatusTarget::Unpaid,
        }
    } else {
        statuses.iter().find(|map| map.code == status).map_or(StatusTarget::Unmapped, StatusMap::means)
    };
    let said = if status.is_empty() { format!("payment {:?}", order.payment) } else { format!("status {status}") };
    let unpaid = |why: String| {
        if channel.download_unpaid || known {
            Verdict::Take(Payment::Unpaid, why)
        } else {
            Verdict::Ignore(format!("{why}; unpaid orders are not downloaded"))
        }
    };
    match target {
        StatusTarget::Unmapped => Verdict::Ignore(format!("{said} is unmapped")),
        StatusTarget::Shipped => Verdict::Ignore(format!("{said} means shipped on the channel")),
        StatusTarget::Cancelled => Verdict::Cancel(format!("{said} means cancelled")),
        StatusTarget::Unpaid => unpaid(format!("{said} means unpaid")),
        StatusTarget::Paid if order.payment == ChannelPayment::Paid => {
            Verdict::Take(Payment::Paid, format!("{said} means paid, and the payment bears it out"))
        }
        StatusTarget::Paid => unpaid(format!("{said} means paid, but the payment is not there")),
    }
}

/// Why an instance can't download with this mapping (reference 12.3); `Ok` if it can.
pub fn runnable(capabilities: Capabilities, channel: &Channel, statuses: &[StatusMap]) -> Result<(), String> {
    if !capabilities.status_mapping {
        return Ok(());
    }
    let has = |target| statuses.iter().any(|map| map.means() == target);
    if has(StatusTarget::Paid) || channel.download_unpaid && has(StatusTarget::Unpaid) {
        Ok(())
    } else {
        Err("no status is mapped to Paid (or to Unpaid with the download of unpaid orders switched on)".to_owned())
    }
}
