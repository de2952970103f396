//! The SQL of customers.

use consign_db::{Query, Tx, sql};
use consign_values::CustomerId;

use super::Customer;
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: CustomerId) -> Result<Option<Customer>> {
    Ok(tx.optional(sql!(Customer, "SELECT {*} FROM customer WHERE id = $1"), &[&id])?)
}

/// Entries that may be the same person: by e-mail address, or by name where there is none.
pub fn alike(tx: &mut Tx<'_>, email: &str, full_name: &str) -> Result<Vec<Customer>> {
    let text = sql!(
        Customer,
        "SELECT {*} FROM customer WHERE ($1 <> '' AND email = $1) OR ($1 = '' AND email = '' AND full_name = $2)
         ORDER BY id LIMIT 50"
    );
    Ok(tx.all(text, &[&email, &full_name])?)
}

pub fn update(tx: &mut Tx<'_>, customer: &Customer) -> Result<()> {
    let text = sql!(
        "UPDATE customer SET full_name = $2, company = $3, email = $4, address = $5, updated_at = $6 WHERE id = $1"
    );
    let c = customer;
    tx.execute(text, &[&c.id, &c.full_name, &c.company, &c.email, &c.address, &c.updated_at])?;
    Ok(())
}

pub fn book(tx: &mut Tx<'_>, text: &str, before: Option<CustomerId>, limit: u32) -> Result<Vec<Customer>> {
    let mut query = Query::new("SELECT {c.*} FROM ");
    if text.trim().is_empty() {
        query.push("customer c WHERE 1 = 1");
    } else {
        query.push_text_rows("customer_search", "customer c ON c.id", &[text.trim()]);
    }
    if let Some(before) = before {
        query.push(" AND c.id < ").bind(before);
    }
    query.push(" ORDER BY c.id DESC").limit(limit);
    Ok(tx.query(&query)?)
}

pub fn search(tx: &mut Tx<'_>, text: &str) -> Result<Vec<Customer>> {
    let mut query = Query::new("SELECT {c.*} FROM ");
    query.push_text_rows("customer_search", "customer c ON c.id", &[text.trim()]);
    query.push(" ORDER BY ").push_row_id("customer_search").push(" DESC").limit(10);
    Ok(tx.query(&query)?)
}
