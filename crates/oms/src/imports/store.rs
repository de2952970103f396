//! The SQL of imports.

use consign_db::{Tx, sql};
use consign_values::{ImportId, LocationId, Timestamp};

use super::{Import, ImportState, Profile, Reject};
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: ImportId) -> Result<Option<Import>> {
    Ok(tx.optional(sql!(Import, "SELECT {*} FROM import_run WHERE id = $1"), &[&id])?)
}

pub fn lock(tx: &mut Tx<'_>, id: ImportId) -> Result<Option<Import>> {
    Ok(tx.optional(sql!(Import, "SELECT {*} FROM import_run WHERE id = $1 /*pg FOR UPDATE*/"), &[&id])?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Import>> {
    Ok(tx.all(sql!(Import, "SELECT {*} FROM import_run ORDER BY id DESC LIMIT 100"), &[])?)
}

pub fn insert_file(tx: &mut Tx<'_>, id: ImportId, bytes: &[u8]) -> Result<()> {
    tx.execute(sql!("INSERT INTO import_file (run_id, bytes) VALUES ($1, $2)"), &[&id, &bytes])?;
    Ok(())
}

pub fn file(tx: &mut Tx<'_>, id: ImportId) -> Result<Option<Vec<u8>>> {
    Ok(tx.optional(sql!(Vec<u8>, "SELECT bytes FROM import_file WHERE run_id = $1"), &[&id])?)
}

pub fn delete_file(tx: &mut Tx<'_>, id: ImportId) -> Result<()> {
    tx.execute(sql!("DELETE FROM import_file WHERE run_id = $1"), &[&id])?;
    Ok(())
}

pub fn update_mapping(
    tx: &mut Tx<'_>,
    id: ImportId,
    mapping: &str,
    sub_source: &str,
    location: LocationId,
) -> Result<()> {
    let text = sql!("UPDATE import_run SET mapping = $2, sub_source = $3, location_id = $4 WHERE id = $1");
    tx.execute(text, &[&id, &mapping, &sub_source, &location])?;
    Ok(())
}

pub fn set_header(tx: &mut Tx<'_>, id: ImportId, header: &str) -> Result<()> {
    tx.execute(sql!("UPDATE import_run SET header = $2 WHERE id = $1"), &[&id, &header])?;
    Ok(())
}

pub fn update(tx: &mut Tx<'_>, import: &Import) -> Result<()> {
    let text = sql!(
        "UPDATE import_run SET state = $2, order_count = $3, done_count = $4, taken_count = $5, known_count = $6,
           rejected_count = $7, error = $8, ended_at = $9
         WHERE id = $1"
    );
    let i = import;
    tx.execute(
        text,
        &[
            &i.id,
            &i.state,
            &i.order_count,
            &i.done_count,
            &i.taken_count,
            &i.known_count,
            &i.rejected_count,
            &i.error,
            &i.ended_at,
        ],
    )?;
    Ok(())
}

pub fn rejects(tx: &mut Tx<'_>, id: ImportId, limit: i64) -> Result<Vec<Reject>> {
    let text = sql!(Reject, "SELECT {*} FROM import_reject WHERE run_id = $1 ORDER BY id LIMIT $2");
    Ok(tx.all(text, &[&id, &limit])?)
}

pub fn profiles(tx: &mut Tx<'_>) -> Result<Vec<Profile>> {
    Ok(tx.all(sql!(Profile, "SELECT {*} FROM import_profile ORDER BY name LIMIT 200"), &[])?)
}

pub fn put_profile(tx: &mut Tx<'_>, profile: &Profile) -> Result<()> {
    let text = sql!(
        "INSERT INTO import_profile (id, name, mapping, sub_source, location_id, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (name) DO UPDATE SET mapping = excluded.mapping, sub_source = excluded.sub_source,
           location_id = excluded.location_id, updated_at = excluded.updated_at"
    );
    let p = profile;
    tx.execute(text, &[&p.id, &p.name, &p.mapping, &p.sub_source, &p.location_id, &p.updated_at])?;
    Ok(())
}

/// Whether the very same file was taken in before, and when.
pub fn done_before(tx: &mut Tx<'_>, digest: &[u8]) -> Result<Option<Timestamp>> {
    let text =
        sql!(Timestamp, "SELECT created_at FROM import_run WHERE digest = $1 AND state = $2 ORDER BY id DESC LIMIT 1");
    Ok(tx.optional(text, &[&digest, &ImportState::Done])?)
}
