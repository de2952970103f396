//! The columns that an order can be imported from (reference 6.3), and what each is made of.
//!
//! Every column is a template: `{Order No}` stands for a column of the file, anything else for itself. So a plain mapping, a
//! default value and an expression that joins columns are one thing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

macro_rules! columns {
    ($($group:literal { $($code:literal $label:literal [$($alias:literal),*];)+ })+) => {
        /// All of them, in the order of the form.
        pub const COLUMNS: &[Column] = &[$($(
            Column { code: $code, label: $label, group: $group, aliases: &[$($alias),*] },
        )+)+];
    };
}

columns! {
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
    }
    "Order" {
        "received_at" "Received" ["receiveddate", "orderdate", "date", "placed", "created"];
        "despatch_by" "Despatch by" ["despatchby", "dispatchby", "shipby"];
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
        "note" "Note" ["notes", "comment", "customernote"];
        "internal_note" "Internal note" ["internalnote"];
        "property_name" "Property name" ["propertyname"];
        "property_value" "Property value" ["propertyvalue"];
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

/// Columns without which nothing can be imported.
pub const COMPULSORY: &[&str] = &["reference", "sku", "quantity"];
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
    /// Templates by column code; a column that is missing or blank is not read.
    pub columns: BTreeMap<String, String>,
    /// `03/04/2026` is the 4th of March instead of the 3rd of April.
    pub month_first: bool,
    /// `1.234,50` instead of `1,234.50`.
    pub decimal_comma: bool,
}

impl Mapping {
    /// Maps each column of ours to a column of the file that has its name.
    pub fn matched(header: &[String]) -> Mapping {
        let plain =
            |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let mut columns = BTreeMap::new();
        for column in COLUMNS {
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
        Mapping { columns, ..Mapping::default() }
    }

    /// The template of a column, if it is mapped.
    pub fn template(&self, code: &str) -> Option<&str> {
        self.columns.get(code).map(|template| template.trim()).filter(|template| !template.is_empty())
    }

    /// What keeps the mapping from being used with a file of that header, by column; empty if nothing does.
    pub fn faults(&self, header: &[String]) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mapped = |code: &str| self.template(code).is_some();
        for code in COMPULSORY.iter().filter(|code| !mapped(code)) {
            faults.push(((*code).to_owned(), "must be mapped".to_owned()));
        }
        for (code, other) in DEPENDENT.iter().filter(|(code, other)| mapped(code) && !mapped(other)) {
            faults.push(((*code).to_owned(), format!("needs {other} to be mapped, too")));
        }
        for (code, other) in FORBIDDEN_TOGETHER.iter().filter(|(code, other)| mapped(code) && mapped(other)) {
            faults.push(((*code).to_owned(), format!("can't be mapped together with {other}")));
        }
        for (code, template) in &self.columns {
            if !COLUMNS.iter().any(|column| column.code == code) {
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
        let mut mapping = Mapping::matched(&header());
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
        let mut mapping = Mapping::matched(&header());
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
