//! Outcomes of a batch that takes several calls.

use consign_ports::{Outcome, PortError};

/// The error of a call that failed stands for its own items and for those after it, while the outcomes before it stay.
/// It is the error of the whole only if nothing went out before.
pub(crate) fn settle(outcomes: &mut [Option<Outcome>], error: PortError) -> Result<(), PortError> {
    if outcomes.iter().all(Option::is_none) {
        return Err(error);
    }
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
        *outcome = Some(Err(error.clone()));
    }
    Ok(())
}
