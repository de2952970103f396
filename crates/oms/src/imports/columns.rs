//! What a file can be imported as (reference 6.3, 6.6): for each kind its columns, and what each is made of.
//!
//! Every column is a template: `{Order No}` stands for a column of the file, anything else for itself. So a plain mapping, a
//! default value and an expression that joins columns are one thing.

use std::collections::BTreeMap;

use consign_sheets::Reading;
use consign_values::Zone;
use serde::{Deserialize, Serialize};

use crate::users::Permission;

/// A column of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its code, stored in mappings.
    pub code: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// Its group in the form.
    pub group: &'static str,
    /// Other names by which a file's column is recognised, lower case without blanks.
    pub aliases: &'static [&'static str],
}

consign_db::text_enum! {
    /// What a file is of.
    pub enum ImportKind {
        /// New orders.
        Orders = "orders",
        /// Open orders that have left.
        Process = "process",
        /// Tracking numbers of open orders.
        Tracking = "tracking",
        /// What fulfilment centres say of the orders they have.
        Centre = "centre",
        /// Items, new and known.
        Items = "items",
        /// How many units there are.
        Stock = "stock",
        /// Which item a channel's SKU is.
        Listings = "listings",
    }
}

/// As mappings hold it; files of older ones are orders.
#[allow(clippy::derivable_impls, reason = "the default is a decision, told here")]
impl Default for ImportKind {
    fn default() -> Self {
        ImportKind::Orders
    }
}

impl Serialize for ImportKind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ImportKind {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let code = String::deserialize(from)?;
        ImportKind::parse(&code).ok_or_else(|| serde::de::Error::custom("there is no such kind of import"))
    }
}

impl ImportKind {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            ImportKind::Orders => "new orders",
            ImportKind::Process => "orders to process",
            ImportKind::Tracking => "tracking numbers",
            ImportKind::Centre => "answers of a fulfilment centre",
            ImportKind::Items => "items",
            ImportKind::Stock => "stock levels",
            ImportKind::Listings => "SKU links",
        }
    }

    /// What is counted: orders that several rows may make up, or rows.
    pub fn counted(self) -> &'static str {
        if self == ImportKind::Orders { "orders" } else { "rows" }
    }

    /// All its columns, in the order of the form.
    pub fn columns(self) -> &'static [Column] {
        match self {
            ImportKind::Orders => COLUMNS,
            ImportKind::Process | ImportKind::Tracking => SHIPPING_COLUMNS,
            ImportKind::Centre => CENTRE_COLUMNS,
            ImportKind::Items => ITEM_COLUMNS,
            ImportKind::Stock => STOCK_COLUMNS,
            ImportKind::Listings => LISTING_COLUMNS,
        }
    }

    /// Columns without which nothing can be imported.
    pub fn compulsory(self) -> &'static [&'static str] {
        match self {
            ImportKind::Orders => &["reference", "sku", "quantity"],
            ImportKind::Process => &[],
            ImportKind::Tracking => &["tracking_number"],
            ImportKind::Centre => &["status"],
            ImportKind::Items => &["sku"],
            ImportKind::Stock => &["sku", "on_hand"],
            ImportKind::Listings => &["channel", "channel_sku", "sku"],
        }
    }

    /// Columns of which one is needed.
    pub fn one_of(self) -> &'static [&'static str] {
        match self {
            ImportKind::Process | ImportKind::Tracking | ImportKind::Centre => &["number", "reference"],
            _ => &[],
        }
    }

    /// What somebody must be allowed to do.
    pub fn permission(self) -> Permission {
        match self {
            ImportKind::Orders | ImportKind::Process | ImportKind::Tracking | ImportKind::Centre => {
                Permission::WorkOrders
            }
            ImportKind::Items => Permission::EditItems,
            ImportKind::Stock => Permission::EditStock,
            ImportKind::Listings => Permission::ManageChannels,
        }
    }
}

macro_rules! columns {
    ($(#[$doc:meta])* $name:ident: $($group:literal { $($code:literal $label:literal [$($alias:literal),*];)+ })+) => {
        $(#[$doc])*
        pub const $name: &[Column] = &[$($(
            Column { code: $code, label: $label, group: $group, aliases: &[$($alias),*] },
        )+)+];
    };
}

columns! {
    /// Those of orders to process and of tracking numbers.
    SHIPPING_COLUMNS:
    "Which order" {
        "number" "Consign's number" ["consignnumber", "numorderid", "orderid", "id"];
        "reference" "Reference number" ["referencenum", "orderno", "ordernumber", "order", "ref"];
        "source" "Source" [];
        "sub_source" "Sub-source" ["subsource", "shop", "store"];
    }
    "How it goes" {
        "carrier" "Carrier" ["vendor", "courier"];
        "service" "Postal service" ["postalservice", "shippingservice", "shippingmethod"];
        "tracking_number" "Tracking number" ["trackingnumber", "tracking", "consignment"];
    }
}

columns! {
    /// Those of a fulfilment centre's answers.
    CENTRE_COLUMNS:
    "Which order" {
        "number" "Consign's number" ["consignnumber", "numorderid", "orderid", "id"];
        "reference" "Reference number" ["referencenum", "orderno", "ordernumber", "order", "ref"];
        "source" "Source" [];
        "sub_source" "Sub-source" ["subsource", "shop", "store"];
    }
    "What the centre says" {
        "status" "Status: acknowledged, shipped, complete, cancelled or error" ["orderstatus", "state"];
        "text" "In its words" ["message", "error", "errortext", "fcerror"];
        "carrier" "Carrier" ["vendor"];
        "service" "Postal service" ["postalservice", "shippingservice"];
        "tracking_number" "Tracking number" ["trackingnumber", "tracking"];
    }
}

columns! {
    /// Those of items.
    ITEM_COLUMNS:
    "Item" {
        "sku" "SKU" ["itemsku", "productcode", "code", "itemnumber"];
        "title" "Title" ["itemtitle", "itemname", "product", "productname", "description", "name"];
        "barcodes" "Barcodes, apart by blanks" ["barcode", "ean", "upc", "gtin"];
        "price" "Price" ["retailprice", "unitprice"];
        "currency" "Currency" ["currencycode"];
        "tax_rate" "Tax rate, %" ["taxrate", "vatrate", "vat", "tax"];
    }
    "Parcel" {
        "weight_g" "Weight, g" ["weightg", "weight", "grams"];
        "length_mm" "Length, mm" ["lengthmm", "length", "depth"];
        "width_mm" "Width, mm" ["widthmm", "width"];
        "height_mm" "Height, mm" ["heightmm", "height"];
    }
}

columns! {
    /// Those of stock levels.
    STOCK_COLUMNS:
    "Level" {
        "sku" "SKU" ["itemsku", "productcode", "code"];
        "location" "Location" ["locationname", "warehouse"];
        "on_hand" "On hand" ["onhand", "level", "stocklevel", "quantity", "qty", "stock", "counted"];
    }
}

columns! {
    /// Those of SKU links.
    LISTING_COLUMNS:
    "Link" {
        "channel" "Channel" ["channelname", "subsource", "account"];
        "source" "Source" [];
        "channel_sku" "SKU on the channel" ["channelsku", "listingsku"];
        "sku" "SKU" ["itemsku", "linkedsku", "stocksku"];
    }
}

columns! {
    /// Those of new orders.
    COLUMNS:
    "Reference" {
        "reference" "Reference number" ["referencenum", "orderno", "ordernumber", "orderid", "order", "ref"];
        "secondary_reference" "Secondary reference" ["secondaryreference", "channelreference"];
        "external_reference" "External reference" ["externalreference"];
        "sub_source" "Sub-source" ["subsource", "shop", "store"];
        "buyer" "Buyer" ["channelbuyername", "buyername", "username"];
    }
    "Line" {
        "sku" "SKU" ["channelsku", "itemsku", "productcode", "code"];
        "item_number" "Item number" ["itemnumber", "lineid", "linenumber", "line"];
        "title" "Title" ["itemtitle", "itemname", "product", "productname", "description"];
        "quantity" "Quantity" ["qty", "units", "count"];
        "unit_price" "Price of one" ["priceperunit", "unitprice", "price", "itemprice"];
        "tax_rate" "Tax rate, %" ["taxrate", "vatrate", "vat", "tax"];
        "tax_inclusive" "Price contains tax" ["taxinclusive", "includestax"];
        "line_discount" "Line discount, amount" ["linediscount"];
        "line_discount_percent" "Line discount, %" ["linediscountpercent", "discountpercent"];
        "is_service" "Is a service" ["isservice", "service?"];
        "option_name" "Option name" ["optionname"];
        "option_value" "Option value" ["optionvalue", "option"];
        "options" "Options, name=value, one a line" [];
    }
    "Order" {
        "received_at" "Received" ["receiveddate", "orderdate", "date", "placed", "created"];
        "despatch_by" "Despatch by" ["despatchby", "dispatchby", "shipby"];
        "delivery_start" "Delivery from" ["deliverystart", "deliveryfrom"];
        "delivery_end" "Delivery until" ["deliveryend", "deliveryuntil", "deliverby"];
        "paid_at" "Paid on" ["paidon", "paymentdate"];
        "status" "Payment status" ["paymentstatus", "paid"];
        "payment_method" "Payment method" ["paymentmethod", "payment"];
        "currency" "Currency" ["currencycode"];
        "postage" "Postage, with tax" ["postagecost", "shippingcost", "shipping", "delivery"];
        "postage_tax_rate" "Tax on postage, %" ["postagetaxrate", "shippingtaxrate"];
        "discount" "Order discount" ["orderdiscount", "totaldiscount"];
        "carrier" "Carrier" ["vendor"];
        "service" "Postal service" ["postalservice", "shippingservice", "shippingmethod"];
        "tracking_number" "Tracking number" ["trackingnumber", "tracking"];
        "location" "Location" ["locationname", "warehouse"];
        "tag" "Tag, 1 to 6" ["marker"];
        "folders" "Folders, one a line" ["folder", "foldername"];
        "identifiers" "Identifiers, one a line" ["identifier", "badges"];
        "note" "Note" ["notes", "comment", "customernote"];
        "internal_note" "Internal note" ["internalnote"];
        "property_name" "Property name" ["propertyname"];
        "property_value" "Property value" ["propertyvalue"];
        "properties" "Properties, name=value, one a line" ["extendedproperties"];
        "tax_number" "Buyer's tax number" ["taxnumber", "vatnumber", "taxid"];
    }
    "Deliver to" {
        "delivery.full_name" "Name" ["fullname", "name", "customer", "customername", "shippingname", "deliveryname"];
        "delivery.company" "Company" ["company", "shippingcompany", "deliverycompany"];
        "delivery.line1" "Address, first line" ["address1", "addressline1", "address", "street", "shippingaddress1"];
        "delivery.line2" "Address, second line" ["address2", "addressline2", "shippingaddress2"];
        "delivery.line3" "Address, third line" ["address3", "addressline3"];
        "delivery.town" "Town" ["town", "city", "shippingcity", "shippingtown"];
        "delivery.region" "Region" ["region", "county", "state", "province"];
        "delivery.postcode" "Postcode" ["postcode", "zip", "zipcode", "postalcode", "shippingzip"];
        "delivery.country" "Country" ["country", "shippingcountry"];
        "delivery.country_code" "Country code" ["countrycode"];
        "delivery.phone" "Telephone" ["phone", "phonenumber", "telephone"];
        "delivery.email" "E-mail" ["email", "emailaddress", "mail"];
    }
    "Bill to" {
        "billing.full_name" "Name" ["billingname", "billingfullname"];
        "billing.company" "Company" ["billingcompany"];
        "billing.line1" "Address, first line" ["billingaddress1", "billingaddress"];
        "billing.line2" "Address, second line" ["billingaddress2"];
        "billing.line3" "Address, third line" ["billingaddress3"];
        "billing.town" "Town" ["billingtown", "billingcity"];
        "billing.region" "Region" ["billingregion", "billingcounty", "billingstate"];
        "billing.postcode" "Postcode" ["billingpostcode", "billingzip"];
        "billing.country" "Country" ["billingcountry"];
        "billing.country_code" "Country code" ["billingcountrycode"];
        "billing.phone" "Telephone" ["billingphone"];
        "billing.email" "E-mail" ["billingemail"];
    }
}

/// Columns that need another one.
pub const DEPENDENT: &[(&str, &str)] = &[
    ("option_name", "option_value"),
    ("option_value", "option_name"),
    ("property_name", "property_value"),
    ("property_value", "property_name"),
];
/// Columns that can't be mapped both.
pub const FORBIDDEN_TOGETHER: &[(&str, &str)] = &[("line_discount", "line_discount_percent")];

/// How a file is read: what each column is made of, and how dates and numbers are written in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// What the file is of.
    pub kind: ImportKind,
    /// How its cells are told apart, where its bytes don't say.
    pub reading: Reading,
    /// Name of the time zone of dates that don't name theirs; blank: UTC.
    pub zone: String,
    /// Templates by column code; a column that is missing or blank is not read.
    pub columns: BTreeMap<String, String>,
    /// `03/04/2026` is the 4th of March instead of the 3rd of April.
    pub month_first: bool,
    /// `1.234,50` instead of `1,234.50`.
    pub decimal_comma: bool,
}

impl Mapping {
    /// The time zone of dates that don't name theirs.
    pub fn zone(&self) -> Zone {
        Zone::parse(&self.zone).unwrap_or_default()
    }

    /// Maps each column of ours to a column of the file that has its name.
    pub fn matched(kind: ImportKind, header: &[String]) -> Mapping {
        let plain =
            |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let mut columns = BTreeMap::new();
        for column in kind.columns() {
            let names = [plain(column.code), plain(column.label)];
            let billing = column.code.starts_with("billing.");
            let found = header.iter().find(|name| {
                let name = plain(name);
                column.aliases.contains(&name.as_str()) || (!billing && names.contains(&name))
            });
            if let Some(found) = found
                && !columns.values().any(|used| *used == format!("{{{found}}}"))
            {
                columns.insert(column.code.to_owned(), format!("{{{found}}}"));
            }
        }
        Mapping { kind, columns, ..Mapping::default() }
    }

    /// The template of a column, if it is mapped.
    pub fn template(&self, code: &str) -> Option<&str> {
        self.columns.get(code).map(|template| template.trim()).filter(|template| !template.is_empty())
    }

    /// What keeps the mapping from being used with a file of that header, by column; empty if nothing does.
    pub fn faults(&self, header: &[String]) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mapped = |code: &str| self.template(code).is_some();
        for code in self.kind.compulsory().iter().filter(|code| !mapped(code)) {
            faults.push(((*code).to_owned(), "must be mapped".to_owned()));
        }
        if let [first, rest @ ..] = self.kind.one_of()
            && !mapped(first)
            && !rest.iter().any(|code| mapped(code))
        {
            faults.push(((*first).to_owned(), format!("must be mapped, or {}", rest.join(" or "))));
        }
        for (field, fault) in self.reading.faults() {
            faults.push((field.to_owned(), fault.to_owned()));
        }
        if !self.zone.is_empty() && Zone::parse(&self.zone).is_none() {
            faults.push(("zone".to_owned(), "is no time zone".to_owned()));
        }
        for (code, other) in DEPENDENT.iter().filter(|(code, other)| mapped(code) && !mapped(other)) {
            faults.push(((*code).to_owned(), format!("needs {other} to be mapped, too")));
        }
        for (code, other) in FORBIDDEN_TOGETHER.iter().filter(|(code, other)| mapped(code) && mapped(other)) {
            faults.push(((*code).to_owned(), format!("can't be mapped together with {other}")));
        }
        for (code, template) in &self.columns {
            if !self.kind.columns().iter().any(|column| column.code == code) {
                faults.push((code.clone(), "is no column".to_owned()));
            }
            for name in names_in(template).filter(|name| !header.iter().any(|known| known == name)) {
                faults.push((code.clone(), format!("names the column {{{name}}}, which the file has not")));
            }
        }
        faults
    }

    /// What a column says in a row.
    pub fn value(&self, code: &str, header: &[String], cells: &[String]) -> String {
        let Some(template) = self.template(code) else { return String::new() };
        let mut out = String::new();
        let mut rest = template;
        while let Some(start) = rest.find('{') {
            out.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('}') else { break };
            let name = &rest[start + 1..start + end];
            if let Some(at) = header.iter().position(|known| known == name) {
                out.push_str(cells.get(at).map_or("", String::as_str));
            }
            rest = &rest[start + end + 1..];
        }
        out.push_str(rest);
        out.trim().to_owned()
    }
}

fn names_in(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Vec<String> {
        ["Order No", "SKU", "Qty", "First", "Last", "Town"].map(str::to_owned).to_vec()
    }

    #[test]
    fn columns_are_matched_by_name_joined_by_template_and_have_defaults() {
        let mut mapping = Mapping::matched(ImportKind::Orders, &header());
        assert_eq!(mapping.template("reference"), Some("{Order No}"));
        assert_eq!(mapping.template("delivery.town"), Some("{Town}"));
        assert_eq!(mapping.template("billing.town"), None);
        mapping.columns.insert("delivery.full_name".to_owned(), "{First} {Last}".to_owned());
        mapping.columns.insert("currency".to_owned(), "EUR".to_owned());
        let cells = ["7", "X", "2", "Ann", "Lee", "Leeds"].map(str::to_owned);
        assert_eq!(mapping.value("delivery.full_name", &header(), &cells), "Ann Lee");
        assert_eq!(mapping.value("currency", &header(), &cells), "EUR");
        assert_eq!(mapping.value("discount", &header(), &cells), "");
        assert!(mapping.faults(&header()).is_empty());
    }

    #[test]
    fn what_is_missing_forbidden_or_unknown_is_named() {
        let mut mapping = Mapping::matched(ImportKind::Orders, &header());
        mapping.columns.remove("quantity");
        for (code, template) in
            [("line_discount", "1"), ("line_discount_percent", "2"), ("option_name", "x"), ("title", "{Nothing}")]
        {
            mapping.columns.insert(code.to_owned(), template.to_owned());
        }
        let faults = mapping.faults(&header());
        let named: Vec<&str> = faults.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!(named, ["quantity", "option_name", "line_discount", "title"]);
    }
}
