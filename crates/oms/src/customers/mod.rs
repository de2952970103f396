//! Customers: an address book that is filled by explicit choice, and the people of past orders. Reference 1.3.
//!
//! Changing an entry changes no order, and an order changes no entry by itself.

mod store;

use consign_db::{Tx, row};
use consign_values::{Address, CustomerId, Timestamp};

use crate::orders::{self, Filter};
use crate::{Ctx, Error, Result, history, retention};

/// Entries on a page.
const PAGE: usize = 50;

row! {
    /// An entry of the address book.
    #[derive(Clone, Debug)]
    pub struct Customer in "customer" {
        /// Its id.
        pub id: CustomerId,
        /// The person.
        pub full_name: String,
        /// The firm.
        pub company: String,
        /// E-mail address.
        pub email: String,
        /// JSON of an [`Address`].
        pub address: String,
        /// When it was kept last.
        pub updated_at: Timestamp,
    }
}

impl Customer {
    /// The address.
    pub fn address(&self) -> Address {
        serde_json::from_str(&self.address).unwrap_or_default()
    }
}

/// Someone that a look-up found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The address.
    pub address: Address,
    /// In the address book, or on that past order.
    pub from: From,
}

/// Where a look-up found somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The address book.
    Book(CustomerId),
    /// An order.
    Order(consign_values::OrderId),
}

/// Keeps an address: one entry for each e-mail address, or for each name and postcode where there is none.
pub fn keep(tx: &mut Tx<'_>, ctx: &Ctx<'_>, address: &Address) -> Result<CustomerId> {
    let address = checked(address)?;
    let mut alike = store::alike(tx, &address.email.to_lowercase(), &address.full_name)?.into_iter();
    let same = alike.find(|known| !address.email.is_empty() || known.address().postcode == address.postcode);
    let id = match &same {
        Some(known) => known.id,
        None => CustomerId(tx.next_id("customer")?),
    };
    let customer = entry(ctx, id, &address);
    match same {
        Some(_) => store::update(tx, &customer)?,
        None => tx.insert(&customer)?,
    }
    tx.search_put("customer_search", id.0, &address.one_line().to_lowercase())?;
    history::record(tx, ctx, "customer", id.0, "kept", address.one_line())?;
    Ok(id)
}

fn checked(address: &Address) -> Result<Address> {
    let address = address.clone().cleaned();
    if address.is_empty() { Err(Error::invalid("delivery", "must not be empty")) } else { Ok(address) }
}

fn entry(ctx: &Ctx<'_>, id: CustomerId, address: &Address) -> Customer {
    Customer {
        id,
        full_name: address.full_name.clone(),
        company: address.company.clone(),
        email: address.email.to_lowercase(),
        address: serde_json::to_string(address).unwrap_or_default(),
        updated_at: ctx.now(),
    }
}

/// Changes an entry that was last kept at `seen`; no order changes with it. Another entry's e-mail address is refused.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: CustomerId, seen: Timestamp, address: &Address) -> Result<()> {
    let was = get(tx, id)?;
    if was.updated_at != seen {
        return Err(Error::Stale);
    }
    let address = checked(address)?;
    let email = address.email.to_lowercase();
    if !email.is_empty() && store::alike(tx, &email, "")?.iter().any(|known| known.id != id) {
        return Err(Error::invalid("delivery.email", "is that of another entry"));
    }
    store::update(tx, &entry(ctx, id, &address))?;
    tx.search_put("customer_search", id.0, &address.one_line().to_lowercase())?;
    history::record(
        tx,
        ctx,
        "customer",
        id.0,
        "edited",
        format!("{} → {}", was.address().one_line(), address.one_line()),
    )
}

/// Deletes an entry, and what the history quotes of it; orders keep their addresses.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: CustomerId) -> Result<()> {
    get(tx, id)?;
    retention::forget(tx, ctx, id, "deleted from the address book")
}

/// A page of the address book: up to 50 entries that contain `text`, latest made first, before `before`; and where the next
/// page starts, if there is one.
pub fn book(tx: &mut Tx<'_>, text: &str, before: Option<CustomerId>) -> Result<(Vec<Customer>, Option<CustomerId>)> {
    let mut found = store::book(tx, text, before, PAGE as u32 + 1)?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|customer| customer.id);
    Ok((found, next))
}

/// One entry.
pub fn get(tx: &mut Tx<'_>, id: CustomerId) -> Result<Customer> {
    store::find(tx, id)?.ok_or(Error::NotFound("customer"))
}

/// Up to 10 entries of the address book, and up to 10 different addresses of the latest orders, that contain `text`.
pub fn look_up(tx: &mut Tx<'_>, text: &str) -> Result<Vec<Found>> {
    let mut found: Vec<Found> = store::search(tx, text)?
        .into_iter()
        .map(|customer| Found { address: customer.address(), from: From::Book(customer.id) })
        .collect();
    let filter = |base: Filter| Filter { text: text.to_owned(), ..base };
    let mut past = orders::search(tx, &filter(Filter::ended()))?.orders;
    past.extend(orders::search(tx, &filter(Filter::open()))?.orders);
    past.sort_by_key(|order| std::cmp::Reverse(order.id));
    for order in past {
        if found.len() >= 20 {
            break;
        }
        let address = orders::delivery(tx, order.id)?;
        if found.iter().all(|known| known.address != address) {
            found.push(Found { address, from: From::Order(order.id) });
        }
    }
    Ok(found)
}
