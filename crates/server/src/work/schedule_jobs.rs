//! Fetches and leaves files when it is time, outside any transaction, and notes what came of it.

use consign_oms::jobs::Ended;
use consign_oms::schedules::{self, Direction, RunOutcome, Schedule};
use consign_oms::{Actor, Error};
use consign_values::ScheduleId;

use super::Site;

/// One run. What fails is noted and waits for the next time in the timetable.
pub async fn run(site: &Site, id: ScheduleId) -> Result<Ended, Error> {
    let schedule = match site.read(move |tx, _| schedules::get(tx, id)).await {
        Ok(schedule) if schedule.enabled => schedule,
        Ok(_) | Err(Error::NotFound(_)) => return Ok(Ended::Done),
        Err(error) => return Err(error),
    };
    let done = match schedule.open_secret(&site.keys) {
        Err(error) => Err(format!("the password can't be opened: {error}")),
        Ok(secret) => match schedule.direction {
            Direction::Import => fetch(site, &schedule, &secret).await?,
            Direction::Export => leave(site, &schedule, &secret).await?,
        },
    };
    if let Err(why) = done {
        tracing::warn!(schedule = %schedule.name, why, "a schedule failed");
        note(site, id, RunOutcome::Failed, why).await?;
    }
    Ok(Ended::RunAgainAt(schedule.timetable().next(site.clock.now())))
}

/// The outer error is ours, the inner one the place's.
async fn fetch(site: &Site, schedule: &Schedule, secret: &str) -> Result<Result<(), String>, Error> {
    let files = match site.transfer.fetch(&schedule.place(), secret).await {
        Ok(files) => files,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let id = schedule.id;
    if files.is_empty() {
        note(site, id, RunOutcome::Unchanged, "no file is there".to_owned()).await?;
    }
    for file in files {
        site.write(Actor::System, move |tx, ctx| schedules::arrived(tx, ctx, id, &file.name, &file.bytes)).await?;
    }
    Ok(Ok(()))
}

async fn leave(site: &Site, schedule: &Schedule, secret: &str) -> Result<Result<(), String>, Error> {
    let wanted = schedule.clone();
    let bytes = match site.read(move |tx, ctx| schedules::outgoing(tx, ctx, &wanted)).await {
        Ok(bytes) => bytes,
        Err(error @ (Error::Invalid(_) | Error::Refused(_) | Error::NotFound(_))) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    let (count, media_type) = (bytes.len(), schedule.layout().file_kind().media_type());
    if let Err(error) = site.transfer.put(&schedule.place(), secret, bytes, media_type).await {
        return Ok(Err(error.to_string()));
    }
    note(site, schedule.id, RunOutcome::Done, format!("left, {count} bytes")).await?;
    Ok(Ok(()))
}

async fn note(site: &Site, id: ScheduleId, outcome: RunOutcome, message: String) -> Result<(), Error> {
    site.write(Actor::System, move |tx, ctx| schedules::note(tx, ctx, id, outcome, &message, None)).await
}
