//! Outcomes of a batch that takes several calls.

use std::future::Future;

use consign_ports::{Outcome, PortError};

/// Sends items in calls of `size`, and joins their outcomes.
pub(crate) async fn in_calls<'i, T, F>(
    items: &'i [T],
    size: usize,
    mut send: impl FnMut(&'i [T]) -> F,
) -> Result<Vec<Outcome>, PortError>
where
    F: Future<Output = Result<Vec<Outcome>, PortError>>,
{
    let mut outcomes: Vec<Option<Outcome>> = vec![None; items.len()];
    for (call, chunk) in items.chunks(size).enumerate() {
        match send(chunk).await {
            Ok(results) => {
                let slots = &mut outcomes[call * size..];
                slots.iter_mut().zip(results).for_each(|(slot, result)| *slot = Some(result));
            }
            Err(error) => {
                settle(&mut outcomes, error)?;
                break;
            }
        }
    }
    let lost = || Err(PortError::retry("the channel's answer left this one out"));
    Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect())
}

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
