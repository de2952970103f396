//! Customers: an address book that is filled by explicit choice, and the people of past orders. Reference 1.3.
//!
//! Changing an entry changes no order, and an order changes no entry by itself.

mod store;

use consign_db::{Tx, row};
use consign_values::{Address, CustomerId, Timestamp};

use crate::orders::{self, Filter};
use crate::{Ctx, Error, Result, history};

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
    let address = address.clone().cleaned();
    if address.is_empty() {
        return Err(Error::invalid("delivery", "must not be empty"));
    }
    let mut alike = store::alike(tx, &address.email.to_lowercase(), &address.full_name)?.into_iter();
    let same = alike.find(|known| !address.email.is_empty() || known.address().postcode == address.postcode);
    let id = match &same {
        Some(known) => known.id,
        None => CustomerId(tx.next_id("customer")?),
    };
    let customer = Customer {
        id,
        full_name: address.full_name.clone(),
        company: address.company.clone(),
        email: address.email.to_lowercase(),
        address: serde_json::to_string(&address).unwrap_or_default(),
        updated_at: ctx.now(),
    };
    match same {
        Some(_) => store::update(tx, &customer)?,
        None => tx.insert(&customer)?,
    }
    tx.search_put("customer_search", id.0, &address.one_line().to_lowercase())?;
    history::record(tx, ctx, "customer", id.0, "kept", address.one_line())?;
    Ok(id)
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
