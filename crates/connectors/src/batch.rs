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

/// Calls that may fail in a row before the rest of a batch is put off.
const FAILURES_MAX: usize = 2;

/// Sends items one by one. Trouble with one of them doesn't hold up the next, but trouble with the channel ends the batch: what
/// `send` gives as its own error, if it is passing. An inner outcome speaks of its item alone, even one to be tried again.
pub(crate) async fn one_by_one<'i, T, F>(
    items: &'i [T],
    mut send: impl FnMut(&'i T) -> F,
) -> Result<Vec<Outcome>, PortError>
where
    F: Future<Output = Result<Outcome, PortError>>,
{
    let mut outcomes: Vec<Option<Outcome>> = vec![None; items.len()];
    let mut failures = 0;
    for (index, item) in items.iter().enumerate() {
        let result = send(item).await;
        let ends = match &result {
            Err(PortError::Unauthorised(_) | PortError::Retry { after_seconds: Some(_), .. }) => true,
            Err(PortError::Retry { .. } | PortError::Protocol(_)) => {
                failures += 1;
                failures >= FAILURES_MAX
            }
            _ => {
                failures = 0;
                false
            }
        };
        match result {
            Err(error) if ends => {
                settle(&mut outcomes, error)?;
                break;
            }
            result => outcomes[index] = Some(result.and_then(|outcome| outcome)),
        }
    }
    Ok(outcomes.into_iter().flatten().collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn batch(results: Vec<Result<Outcome, PortError>>) -> Result<Vec<Outcome>, PortError> {
        one_by_one(&results, |result| std::future::ready(result.clone())).await
    }

    #[tokio::test]
    async fn items_that_must_wait_hold_up_nobody_and_a_channel_in_trouble_ends_the_batch() {
        let late = || PortError::retry("late");
        let waiting = batch(vec![Ok(Err(late())), Ok(Err(late())), Ok(Err(late())), Ok(Ok(()))]).await.unwrap();
        assert_eq!(waiting, [Err(late()), Err(late()), Err(late()), Ok(())]);
        let broken = batch(vec![Ok(Ok(())), Err(late()), Err(late()), Ok(Ok(()))]).await.unwrap();
        assert_eq!(broken, [Ok(()), Err(late()), Err(late()), Err(late())]);
        let refused = || PortError::Refused("no".into());
        let mixed = batch(vec![Err(late()), Err(refused()), Err(late()), Ok(Ok(()))]).await.unwrap();
        assert_eq!(mixed, [Err(late()), Err(refused()), Err(late()), Ok(())]);
        let throttled = PortError::Retry { message: "slower".into(), after_seconds: Some(9) };
        assert_eq!(batch(vec![Err(throttled.clone()), Ok(Ok(()))]).await, Err(throttled));
    }
}
