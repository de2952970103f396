//! The SQL of marks.

use consign_db::{Tx, params, sql};
use consign_values::{MarkId, OrderId};

use super::{Mark, MarkKind, OrderMark};
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: MarkId) -> Result<Option<Mark>> {
    Ok(tx.optional(sql!(Mark, "SELECT {*} FROM mark WHERE id = $1"), &[&id])?)
}

pub fn list(tx: &mut Tx<'_>, kind: MarkKind) -> Result<Vec<Mark>> {
    Ok(tx.all(sql!(Mark, "SELECT {*} FROM mark WHERE kind = $1 ORDER BY LOWER(name), id LIMIT 500"), &[&kind])?)
}

pub fn list_of(tx: &mut Tx<'_>, ids: &[MarkId]) -> Result<Vec<Mark>> {
    Ok(tx.all_in(sql!(Mark, "SELECT {*} FROM mark WHERE id {in}"), ids, &[])?)
}

pub fn counts(tx: &mut Tx<'_>) -> Result<Vec<(MarkId, i64)>> {
    let text = sql!((MarkId, i64), "SELECT mark_id, COUNT(*) FROM order_mark WHERE open GROUP BY mark_id");
    Ok(tx.all(text, &[])?)
}

pub fn count(tx: &mut Tx<'_>, id: MarkId) -> Result<i64> {
    Ok(tx.one(sql!(i64, "SELECT COUNT(*) FROM order_mark WHERE mark_id = $1 AND open"), &[&id])?)
}

pub fn update(tx: &mut Tx<'_>, mark: &Mark) -> Result<(), consign_db::Error> {
    let text = sql!("UPDATE mark SET name = $2, tag = $3, letter = $4, colour = $5 WHERE id = $1");
    tx.execute(text, &[&mark.id, &mark.name, &mark.tag, &mark.letter, &mark.colour]).map(|_| ())
}

pub fn delete(tx: &mut Tx<'_>, id: MarkId) -> Result<()> {
    tx.execute(sql!("DELETE FROM order_mark WHERE mark_id = $1"), &[&id])?;
    tx.execute(sql!("DELETE FROM mark WHERE id = $1"), &[&id])?;
    Ok(())
}

pub fn of_orders(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<Vec<OrderMark>> {
    Ok(tx.all_in(sql!(OrderMark, "SELECT {*} FROM order_mark WHERE order_id {in}"), orders, &[])?)
}

pub fn marks_of(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<Mark>> {
    let text = sql!(
        Mark,
        "SELECT {m.*} FROM order_mark x JOIN mark m ON m.id = x.mark_id WHERE x.order_id = $1 ORDER BY m.kind, m.name"
    );
    Ok(tx.all(text, &[&order])?)
}

pub fn put(tx: &mut Tx<'_>, rows: &[(OrderId, MarkId)]) -> Result<()> {
    let text = sql!("INSERT INTO order_mark (order_id, mark_id, open) VALUES ($1, $2, TRUE) ON CONFLICT DO NOTHING");
    tx.execute_many(text, rows.iter().map(|(order, mark)| params![*order, *mark]))?;
    Ok(())
}

pub fn take(tx: &mut Tx<'_>, order: OrderId, mark: MarkId) -> Result<()> {
    tx.execute(sql!("DELETE FROM order_mark WHERE order_id = $1 AND mark_id = $2"), &[&order, &mark])?;
    Ok(())
}

pub fn close(tx: &mut Tx<'_>, order: OrderId) -> Result<()> {
    tx.execute(sql!("UPDATE order_mark SET open = FALSE WHERE order_id = $1"), &[&order])?;
    Ok(())
}
