//! What is sold: items with SKU, barcodes, measures, price and tax. Their stock is in `stock`, their listings in `channels`.

mod components;
mod store;

pub use components::{Component, components_of, set_components};

use consign_db::{Tx, row};
use consign_values::{Barcode, Currency, FieldErrors, ItemId, Money, Name, Rate, Sku, Timestamp};

use crate::{Ctx, Error, Refusal, Result, changes, history};

row! {
    /// An item.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Item in "item" {
        /// Its id.
        pub id: ItemId,
        /// Its SKU, unique.
        pub sku: String,
        /// Its title.
        pub title: String,
        /// Grams.
        pub weight_g: i64,
        /// Millimetres.
        pub length_mm: i64,
        /// Millimetres.
        pub width_mm: i64,
        /// Millimetres.
        pub height_mm: i64,
        /// Retail price of one, in ten-thousandths of `currency`.
        pub price: i64,
        /// Currency of the price.
        pub currency: Currency,
        /// Tax rate, in millionths.
        pub tax_rate: Rate,
        /// When it was made.
        pub created_at: Timestamp,
        /// Counts up with each edit.
        pub version: i64,
    }
}

impl Item {
    /// Its retail price.
    pub fn price(&self) -> Money {
        Money { amount: self.price, currency: self.currency }
    }
}

/// What a person or a file can say of an item. All values are checked by [`create`] and [`edit`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemForm {
    /// SKU.
    pub sku: String,
    /// Title.
    pub title: String,
    /// Barcodes; blank ones are ignored.
    pub barcodes: Vec<String>,
    /// Grams.
    pub weight_g: i64,
    /// Millimetres.
    pub length_mm: i64,
    /// Millimetres.
    pub width_mm: i64,
    /// Millimetres.
    pub height_mm: i64,
    /// Ten-thousandths of `currency`.
    pub price: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Millionths.
    pub tax_rate: i64,
}

struct Checked {
    sku: Sku,
    title: Name,
    barcodes: Vec<Barcode>,
    currency: Currency,
}

/// The longest side of an item, in millimetres, and its greatest weight, in grams, taken without a question.
const MEASURE_MAX: i64 = 10_000_000;

fn check(form: &ItemForm) -> Result<Checked> {
    let mut errors = FieldErrors::new();
    let sku = errors.check("sku", Sku::parse(&form.sku));
    let title = errors.check("title", Name::parse(&form.title));
    let currency = Currency::parse(&form.currency);
    if currency.is_none() {
        errors.add("currency", "must be an ISO 4217 code such as GBP");
    }
    let mut barcodes = Vec::new();
    for barcode in form.barcodes.iter().filter(|b| !b.trim().is_empty()) {
        if let Some(barcode) = errors.check("barcodes", Barcode::parse(barcode))
            && !barcodes.contains(&barcode)
        {
            barcodes.push(barcode);
        }
    }
    for (field, value) in [
        ("weight_g", form.weight_g),
        ("length_mm", form.length_mm),
        ("width_mm", form.width_mm),
        ("height_mm", form.height_mm),
    ] {
        if !(0..=MEASURE_MAX).contains(&value) {
            errors.add(field, "must be between 0 and 10,000,000");
        }
    }
    if !(0..=Money::MAX).contains(&form.price) {
        errors.add("price", "must be between 0 and 1,000,000,000");
    }
    if !(0..=10_000_000).contains(&form.tax_rate) {
        errors.add("tax_rate", "must be between 0 and 1,000 %");
    }
    match (sku, title, currency) {
        (Some(sku), Some(title), Some(currency)) if errors.is_empty() => Ok(Checked { sku, title, barcodes, currency }),
        _ => Err(errors.into()),
    }
}

/// Makes an item. It is tracked wherever stock of it is first set.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx<'_>, form: &ItemForm) -> Result<ItemId> {
    let checked = check(form)?;
    let id = ItemId(tx.next_id("item")?);
    let item = Item {
        id,
        sku: checked.sku.into_string(),
        title: checked.title.into_string(),
        weight_g: form.weight_g,
        length_mm: form.length_mm,
        width_mm: form.width_mm,
        height_mm: form.height_mm,
        price: form.price,
        currency: checked.currency,
        tax_rate: Rate(form.tax_rate),
        created_at: ctx.now(),
        version: 1,
    };
    tx.insert(&item).map_err(sku_taken)?;
    put_barcodes(tx, &item, &checked.barcodes)?;
    history::record(tx, ctx, "item", id.0, "created", item.sku.clone())?;
    changes::announce(tx, ctx, "item", [id.0])?;
    Ok(id)
}

/// Edits an item that is still at `version`.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ItemId, version: i64, form: &ItemForm) -> Result<()> {
    let checked = check(form)?;
    let before = get(tx, id)?;
    let item = Item {
        sku: checked.sku.into_string(),
        title: checked.title.into_string(),
        weight_g: form.weight_g,
        length_mm: form.length_mm,
        width_mm: form.width_mm,
        height_mm: form.height_mm,
        price: form.price,
        currency: checked.currency,
        tax_rate: Rate(form.tax_rate),
        version: version + 1,
        ..before.clone()
    };
    if store::update(tx, &item, version).map_err(sku_taken)? == 0 {
        return Err(Error::Stale);
    }
    store::delete_barcodes(tx, id)?;
    put_barcodes(tx, &item, &checked.barcodes)?;
    history::record(tx, ctx, "item", id.0, "edited", difference(&before, &item))?;
    changes::announce(tx, ctx, "item", [id.0])
}

fn difference(before: &Item, after: &Item) -> String {
    let mut parts = Vec::new();
    let mut compare = |name: &str, old: String, new: String| {
        if old != new {
            parts.push(format!("{name}: {old} → {new}"));
        }
    };
    compare("SKU", before.sku.clone(), after.sku.clone());
    compare("title", before.title.clone(), after.title.clone());
    compare("weight", before.weight_g.to_string(), after.weight_g.to_string());
    compare("size", size(before), size(after));
    compare("price", before.price().to_string(), after.price().to_string());
    compare("tax rate", before.tax_rate.to_percent().to_string(), after.tax_rate.to_percent().to_string());
    parts.join("; ")
}

fn size(item: &Item) -> String {
    format!("{} × {} × {}", item.length_mm, item.width_mm, item.height_mm)
}

fn put_barcodes(tx: &mut Tx<'_>, item: &Item, barcodes: &[Barcode]) -> Result<()> {
    for barcode in barcodes {
        store::insert_barcode(tx, barcode, item.id).map_err(|error| {
            if error.is_unique("barcode") {
                Error::invalid("barcodes", format!("{barcode} belongs to another item"))
            } else {
                error.into()
            }
        })?;
    }
    let mut text = format!("{} {}", item.sku, item.title);
    for barcode in barcodes {
        text.push(' ');
        text.push_str(barcode.as_str());
    }
    tx.search_put("item_search", item.id.0, &text.to_lowercase())?;
    Ok(())
}

fn sku_taken(error: consign_db::Error) -> Error {
    if error.is_unique("sku") { Error::invalid("sku", "is the SKU of another item") } else { error.into() }
}

/// Deletes an item that no order, stock or listing refers to.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ItemId) -> Result<()> {
    let item = get(tx, id)?;
    store::delete(tx, id).map_err(|error| match error {
        consign_db::Error::ForeignKey => Refusal::InUse("orders, stock or listings").into(),
        other => Error::Db(other),
    })?;
    tx.search_delete("item_search", id.0)?;
    history::record(tx, ctx, "item", id.0, "deleted", item.sku)?;
    changes::announce(tx, ctx, "item", [id.0])
}

/// One item.
pub fn get(tx: &mut Tx<'_>, id: ItemId) -> Result<Item> {
    store::find(tx, id)?.ok_or(Error::NotFound("item"))
}

/// The item with that SKU.
pub fn find_by_sku(tx: &mut Tx<'_>, sku: &str) -> Result<Option<Item>> {
    store::find_by_sku(tx, sku)
}

/// These items, in no particular sequence.
pub fn list_of(tx: &mut Tx<'_>, ids: &[ItemId]) -> Result<Vec<Item>> {
    store::list_of(tx, ids)
}

/// The item's barcodes.
pub fn barcodes(tx: &mut Tx<'_>, id: ItemId) -> Result<Vec<String>> {
    store::list_barcodes(tx, id)
}

/// Items by SKU, 50 a page, from the one after `after_sku` on; with a text of three characters or more only those whose SKU,
/// title or barcodes contain it.
pub fn search(tx: &mut Tx<'_>, text: &str, after_sku: &str) -> Result<Vec<Item>> {
    store::search(tx, text, after_sku)
}

/// The ids of items by SKU, for linking by SKU.
pub(crate) fn ids_by_sku(tx: &mut Tx<'_>, skus: &[String]) -> Result<Vec<(String, ItemId)>> {
    store::ids_by_sku(tx, skus)
}
