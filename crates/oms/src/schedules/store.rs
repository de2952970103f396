//! The SQL of schedules.

use consign_db::{Tx, sql};
use consign_values::{ScheduleId, Timestamp};

use super::{Schedule, ScheduleRun};
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Option<Schedule>> {
    Ok(tx.optional(sql!(Schedule, "SELECT {*} FROM schedule WHERE id = $1"), &[&id])?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Schedule>> {
    Ok(tx.all(sql!(Schedule, "SELECT {*} FROM schedule ORDER BY name LIMIT 500"), &[])?)
}

pub fn update(tx: &mut Tx<'_>, schedule: &Schedule, version: i64) -> Result<u64, consign_db::Error> {
    let s = schedule;
    let text = sql!(
        "UPDATE schedule SET name = $3, direction = $4, what = $5, place = $6, secret = $7, timetable = $8, layout = $9,
           enabled = $10, version = version + 1
         WHERE id = $1 AND version = $2"
    );
    tx.execute(
        text,
        &[&s.id, &version, &s.name, &s.direction, &s.what, &s.place, &s.secret, &s.timetable, &s.layout, &s.enabled],
    )
}

pub fn delete(tx: &mut Tx<'_>, id: ScheduleId) -> Result<()> {
    tx.execute(sql!("DELETE FROM schedule WHERE id = $1"), &[&id])?;
    Ok(())
}

pub fn runs(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Vec<ScheduleRun>> {
    let text = sql!(ScheduleRun, "SELECT {*} FROM schedule_run WHERE schedule_id = $1 ORDER BY id DESC LIMIT 100");
    Ok(tx.all(text, &[&id])?)
}

pub fn set_last(tx: &mut Tx<'_>, run: &ScheduleRun) -> Result<()> {
    let text = sql!("UPDATE schedule SET last_at = $2, last_outcome = $3, last_message = $4 WHERE id = $1");
    tx.execute(text, &[&run.schedule_id, &run.at, &run.outcome, &run.message])?;
    Ok(())
}

pub fn forget_runs(tx: &mut Tx<'_>, id: ScheduleId) -> Result<()> {
    let text = sql!(
        "DELETE FROM schedule_run WHERE schedule_id = $1 AND id <
           (SELECT id FROM schedule_run WHERE schedule_id = $1 ORDER BY id DESC LIMIT 1 OFFSET 199)"
    );
    tx.execute(text, &[&id])?;
    Ok(())
}

pub fn digest_of(tx: &mut Tx<'_>, id: ScheduleId, name: &str) -> Result<Option<Vec<u8>>> {
    let text = sql!(Vec<u8>, "SELECT digest FROM schedule_file WHERE schedule_id = $1 AND name = $2");
    Ok(tx.optional(text, &[&id, &name])?)
}

pub fn put_digest(tx: &mut Tx<'_>, id: ScheduleId, name: &str, digest: &[u8], at: Timestamp) -> Result<()> {
    let text = sql!(
        "INSERT INTO schedule_file (schedule_id, name, digest, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (schedule_id, name) DO UPDATE SET digest = excluded.digest, at = excluded.at"
    );
    tx.execute(text, &[&id, &name, &digest, &at])?;
    Ok(())
}
