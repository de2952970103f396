//! Rows to orders: grouped by reference, each read and checked. Pure; the database is asked elsewhere.

use std::collections::{BTreeMap, HashMap, HashSet};

use consign_ports::{ChannelPayment, IncomingLine, IncomingNote, IncomingOrder};
use consign_sheets::Sheet;
use consign_values::{Address, CountryCode, Currency, Money, Quantity, Rate, Reference, Timestamp, Zone, clean};
use rust_decimal::Decimal;

use super::{ImportKind, Mapping, related};

/// The rows of one order, by its sub-source and reference, in the file's sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Blank: the run's own.
    pub sub_source: String,
    /// The order's number.
    pub reference: String,
    /// Its rows.
    pub rows: Vec<usize>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The row.
    pub row: usize,
    /// The column of ours.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An order of the file, read.
#[derive(Clone, Debug)]
pub struct ReadOrder {
    /// As a connector would hand it over.
    pub order: IncomingOrder,
    /// Carrier.
    pub carrier: String,
    /// Tracking number.
    pub tracking_number: String,
    /// Name of the location; blank: the run's own.
    pub location: String,
    /// 0 to 6.
    pub tag: i64,
    /// Names of folders.
    pub folders: Vec<String>,
    /// Names or tags of identifiers.
    pub identifiers: Vec<String>,
    /// Columns whose values differ from row to row: the first counts.
    pub differing: Vec<&'static str>,
}

/// The orders of a file, in its sequence; in a file of anything else each row by itself. Rows of one reference belong together wherever they stand.
pub fn groups(sheet: &Sheet, mapping: &Mapping) -> Vec<Group> {
    if mapping.kind != ImportKind::Orders {
        return (0..sheet.len()).map(|row| related::group(sheet, mapping, row)).collect();
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for row in 0..sheet.len() {
        let cells = sheet.row(row);
        let value = |code| clean(&mapping.value(code, sheet.header(), &cells), 128);
        let (sub_source, reference) = (value("sub_source"), value("reference"));
        // A row without a reference is an order of its own, so that its fault stands alone.
        let key = (sub_source.clone(), if reference.is_empty() { format!("\u{1}{row}") } else { reference.clone() });
        match places.get(&key) {
            Some(at) => groups[*at].rows.push(row),
            None => {
                places.insert(key, groups.len());
                groups.push(Group { sub_source, reference, rows: vec![row] });
            }
        }
    }
    groups
}

/// Columns that say something of the whole order.
const ORDER_COLUMNS: &[&str] = &[
    "secondary_reference",
    "external_reference",
    "buyer",
    "received_at",
    "despatch_by",
    "paid_at",
    "status",
    "payment_method",
    "currency",
    "postage",
    "postage_tax_rate",
    "discount",
    "carrier",
    "service",
    "tracking_number",
    "location",
    "tag",
    "delivery.full_name",
    "delivery.line1",
    "delivery.postcode",
    "delivery.country",
    "delivery.email",
];

/// Reads the rows of one order; all faults of all its rows, if there is any.
pub fn read(sheet: &Sheet, mapping: &Mapping, group: &Group) -> Result<ReadOrder, Vec<RowFault>> {
    let mut faults = Vec::new();
    let rows: Vec<(usize, Vec<String>)> = group.rows.iter().map(|row| (*row, sheet.row(*row))).collect();
    let (first_row, first_cells) = &rows[0];
    let mut first = Reader { sheet, mapping, row: *first_row, cells: first_cells, faults: &mut faults };
    let mut read = first.order(group);
    let currency = read.order.currency;
    let mut numbers = HashSet::new();
    for (row, cells) in &rows {
        let mut reader = Reader { sheet, mapping, row: *row, cells, faults: &mut faults };
        if let Some(line) = reader.line(currency, read.order.lines.len()) {
            if !numbers.insert(line.channel_line.clone()) {
                let reason = format!("{} is on two lines of the order", line.channel_line);
                let field = if mapping.template("item_number").is_some() { "item_number" } else { "sku" };
                reader.fault(field, &reason);
            }
            read.order.lines.push(line);
        }
    }
    for code in ORDER_COLUMNS.iter().filter(|code| mapping.template(code).is_some()) {
        let says = |cells: &[String]| mapping.value(code, sheet.header(), cells);
        let first = says(first_cells);
        if rows.iter().skip(1).any(|(_, cells)| says(cells) != first) {
            read.differing.push(code);
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

/// Reads the cells of one row, and notes what is wrong with them.
pub(super) struct Reader<'r> {
    pub sheet: &'r Sheet,
    pub mapping: &'r Mapping,
    pub row: usize,
    pub cells: &'r [String],
    pub faults: &'r mut Vec<RowFault>,
}

impl Reader<'_> {
    pub fn text(&self, code: &str) -> String {
        self.mapping.value(code, self.sheet.header(), self.cells)
    }

    pub fn fault(&mut self, field: &str, reason: &str) {
        self.faults.push(RowFault { row: self.row, field: field.to_owned(), reason: reason.to_owned() });
    }

    /// A decimal number; none where nothing stands.
    pub fn number(&mut self, code: &str) -> Option<Decimal> {
        let text = self.text(code);
        if text.is_empty() {
            return None;
        }
        let number = decimal(&text, self.mapping.decimal_comma);
        if number.is_none() {
            self.fault(code, &format!("{text} is not a number"));
        }
        number
    }

    fn money(&mut self, code: &str, currency: Currency) -> Money {
        let Some(number) = self.number(code) else { return Money::zero(currency) };
        match Money::from_decimal(number, currency) {
            Ok(money) if money.amount >= 0 => money,
            Ok(_) => {
                self.fault(code, "must not be negative");
                Money::zero(currency)
            }
            Err(error) => {
                self.fault(code, &error.to_string());
                Money::zero(currency)
            }
        }
    }

    pub fn rate(&mut self, code: &str) -> Rate {
        let Some(number) = self.number(code) else { return Rate(0) };
        Rate::from_percent(number).unwrap_or_else(|| {
            self.fault(code, "must be between 0 and 1,000 %");
            Rate(0)
        })
    }

    /// Pairs, `name=value`, one a line; a backslash takes its meaning from the sign after it.
    fn pairs(&mut self, code: &str) -> Vec<(String, String)> {
        let text = self.text(code);
        let pairs = read_pairs(&text);
        for (name, _) in pairs.iter().filter(|(name, _)| name.is_empty()) {
            self.fault(code, &format!("{name} has no name before ="));
        }
        pairs.into_iter().map(|(name, value)| (clean(&name, 128), clean(&value, 1_000))).collect()
    }

    /// Names, one a line.
    fn names(&self, code: &str) -> Vec<String> {
        self.text(code).lines().map(|name| clean(name, 255)).filter(|name| !name.is_empty()).collect()
    }

    fn truth(&mut self, code: &str, otherwise: bool) -> bool {
        match self.text(code).to_lowercase().as_str() {
            "" => otherwise,
            "1" | "true" | "yes" | "y" | "x" => true,
            "0" | "false" | "no" | "n" => false,
            other => {
                let reason = format!("{other} is neither yes nor no");
                self.fault(code, &reason);
                otherwise
            }
        }
    }

    fn moment(&mut self, code: &str) -> Option<Timestamp> {
        let text = self.text(code);
        if text.is_empty() {
            return None;
        }
        let at = moment(&text, self.mapping.month_first, &self.mapping.zone());
        if at.is_none() {
            self.fault(code, &format!("{text} is not a date"));
        }
        at
    }

    fn address(&mut self, prefix: &str) -> Address {
        let text = |name: &str| self.text(&format!("{prefix}.{name}"));
        let (country, code) = (text("country"), text("country_code"));
        Address {
            full_name: text("full_name"),
            company: text("company"),
            line1: text("line1"),
            line2: text("line2"),
            line3: text("line3"),
            town: text("town"),
            region: text("region"),
            postcode: text("postcode"),
            country_code: CountryCode::resolve(&code, &country).unwrap_or_default(),
            country: if country.is_empty() { code } else { country },
            phone: text("phone"),
            email: text("email"),
        }
        .cleaned()
    }

    /// What the first row says of the whole order, without lines.
    fn order(&mut self, group: &Group) -> ReadOrder {
        let reference = Reference::parse(&group.reference);
        if let Err(error) = &reference {
            self.fault("reference", &error.to_string());
        }
        let currency = Currency::parse(&self.text("currency")).unwrap_or_else(|| {
            self.fault("currency", "must be an ISO 4217 code such as GBP");
            Currency::UNKNOWN
        });
        let payment = match self.text("status").to_lowercase().as_str() {
            "unpaid" | "no" | "false" | "0" | "pending" => ChannelPayment::Unpaid,
            "" | "paid" | "yes" | "true" | "1" => ChannelPayment::Paid,
            other => {
                let reason = format!("{other} is neither paid nor unpaid");
                self.fault("status", &reason);
                ChannelPayment::Paid
            }
        };
        let (delivery, billing) = (self.address("delivery"), self.address("billing"));
        let either = |one: &Address, other: &Address| if one.is_empty() { other.clone() } else { one.clone() };
        let tag = match self.text("tag").as_str() {
            "" => 0,
            text => text.parse().ok().filter(|tag| (0..=6).contains(tag)).unwrap_or_else(|| {
                self.fault("tag", "must be between 0 and 6");
                0
            }),
        };
        let mut properties = Vec::new();
        let (name, value) = (clean(&self.text("property_name"), 128), clean(&self.text("property_value"), 1_000));
        if !name.is_empty() {
            properties.push((name, value));
        }
        properties.extend(self.pairs("properties"));
        for (code, name) in [("delivery_start", DELIVERY_START), ("delivery_end", DELIVERY_END)] {
            if let Some(at) = self.moment(code) {
                properties.push((name.to_owned(), at.to_rfc3339()));
            }
        }
        let tax_number = clean(&self.text("tax_number"), 128);
        if !tax_number.is_empty() {
            properties.push(("Tax number".to_owned(), tax_number));
        }
        let note = |text: String, internal| IncomingNote { text, author: String::new(), at: None, internal };
        let notes = [(self.text("note"), false), (self.text("internal_note"), true)];
        let order = IncomingOrder {
            reference: reference.unwrap_or_else(|_| Reference::parse("?").expect("a reference")),
            secondary_reference: clean(&self.text("secondary_reference"), 128),
            external_reference: clean(&self.text("external_reference"), 128),
            status: String::new(),
            payment,
            shipped: false,
            site: String::new(),
            buyer: clean(&self.text("buyer"), 255),
            delivery: either(&delivery, &billing),
            billing: either(&billing, &delivery),
            currency,
            postage: self.money("postage", currency),
            postage_tax_rate: self.rate("postage_tax_rate"),
            discount: self.money("discount", currency),
            shipping_tag: clean(&self.text("service"), 128),
            payment_tag: clean(&self.text("payment_method"), 128),
            received_at: self.moment("received_at"),
            paid_at: self.moment("paid_at"),
            despatch_by: self.moment("despatch_by"),
            lines: Vec::new(),
            notes: notes.into_iter().filter(|(text, _)| !text.is_empty()).map(|(text, at)| note(text, at)).collect(),
            properties,
            identifiers: Vec::new(),
            locations: Vec::new(),
        };
        ReadOrder {
            order,
            carrier: clean(&self.text("carrier"), 128),
            tracking_number: clean(&self.text("tracking_number"), 128),
            location: self.text("location"),
            tag,
            folders: self.names("folders"),
            identifiers: self.names("identifiers"),
            differing: Vec::new(),
        }
    }

    fn line(&mut self, currency: Currency, index: usize) -> Option<IncomingLine> {
        let sku = clean(&self.text("sku"), 128);
        let is_service = self.truth("is_service", false);
        let title = clean(&self.text("title"), 255);
        if sku.is_empty() && (!is_service || title.is_empty()) {
            self.fault("sku", "must not be empty");
        }
        let quantity = match self.number("quantity") {
            Some(number) if number.fract().is_zero() => i64::try_from(number).ok().and_then(Quantity::new),
            Some(_) => None,
            None if self.text("quantity").is_empty() => None,
            None => return None,
        };
        let Some(quantity) = quantity else {
            self.fault("quantity", "must be a whole number from 1 on");
            return None;
        };
        let unit_price = self.money("unit_price", currency);
        let percent = self.rate("line_discount_percent");
        let amount = self.money("line_discount", currency);
        let discount = match unit_price.times(quantity.units()) {
            Ok(whole) if percent.0 > 0 => percent.tax_on(whole),
            Ok(_) => amount,
            Err(error) => {
                self.fault("unit_price", &error.to_string());
                amount
            }
        };
        let number = clean(&self.text("item_number"), 128);
        let (name, value) = (clean(&self.text("option_name"), 128), clean(&self.text("option_value"), 1_000));
        // Without item numbers a SKU names its line, as long as it stands only once (reference 6.2).
        let channel_line =
            [number, sku.clone(), format!("line {}", index + 1)].into_iter().find(|name| !name.is_empty());
        Some(IncomingLine {
            channel_line: channel_line.unwrap_or_default(),
            title: if title.is_empty() { sku.clone() } else { title },
            channel_sku: if is_service { String::new() } else { sku },
            quantity,
            shipped_quantity: 0,
            unit_price,
            discount,
            tax_rate: self.rate("tax_rate"),
            tax_inclusive: self.truth("tax_inclusive", true),
            is_service,
            options: (!name.is_empty()).then_some((name, value)).into_iter().chain(self.pairs("options")).collect(),
        })
    }
}

/// Properties that keep when an order is to be delivered.
pub(crate) const DELIVERY_START: &str = "Delivery from";
pub(crate) const DELIVERY_END: &str = "Delivery until";

/// Writes pairs so that [`read_pairs`] gives them back.
pub(crate) fn write_pairs(pairs: &[(String, String)]) -> String {
    let guarded = |text: &str, also: &str| {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\n' => out.push_str("\\n"),
                c if c == '\\' || also.contains(c) => out.extend(['\\', c]),
                c => out.push(c),
            }
        }
        out
    };
    let lines = pairs.iter().map(|(name, value)| format!("{}={}", guarded(name, "="), guarded(value, "")));
    lines.collect::<Vec<_>>().join("\n")
}

fn read_pairs(text: &str) -> Vec<(String, String)> {
    let read = |line: &str| {
        let (mut name, mut value, mut chars) = (String::new(), None::<String>, line.chars());
        while let Some(c) = chars.next() {
            let c = match c {
                '=' if value.is_none() => {
                    value = Some(String::new());
                    continue;
                }
                '\\' => match chars.next() {
                    Some('n') => '\n',
                    Some(other) => other,
                    None => '\\',
                },
                c => c,
            };
            value.as_mut().unwrap_or(&mut name).push(c);
        }
        (name.trim().to_owned(), value.unwrap_or_default())
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(read).collect()
}

/// A number as people write it, with or without thousands' marks and a currency sign.
fn decimal(text: &str, decimal_comma: bool) -> Option<Decimal> {
    let kept: String = text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+')).collect();
    let strange = text.chars().any(|c| c.is_alphabetic() && !matches!(c, 'e' | 'E'));
    if kept.is_empty() || strange {
        return None;
    }
    let plain = if decimal_comma { kept.replace('.', "").replace(',', ".") } else { kept.replace(',', "") };
    plain.parse().ok()
}

/// A moment: ISO in any spelling, or day, month and year apart by `/`, `.` or `-`, with or without a time; on the clocks of `zone` unless it
/// names its offset.
fn moment(text: &str, month_first: bool, zone: &Zone) -> Option<Timestamp> {
    if let Some(at) = zone.read(text).or_else(|| Timestamp::parse(text)) {
        return Some(at);
    }
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let parts: Vec<&str> = date.split(['/', '.', '-']).collect();
    let [first, second, third] = parts[..] else { return None };
    let number = |text: &str| text.parse::<u32>().ok();
    let (year, month, day) = match (first.len(), month_first) {
        (4, _) => (number(first)?, number(second)?, number(third)?),
        (_, true) => (number(third)?, number(first)?, number(second)?),
        (_, false) => (number(third)?, number(second)?, number(first)?),
    };
    let year = if year < 100 { 2000 + year } else { year };
    let time = match time.trim().split(':').collect::<Vec<_>>()[..] {
        [""] | [] => "00:00:00".to_owned(),
        [hour, minute] => format!("{:02}:{:02}:00", number(hour)?, number(minute)?),
        [hour, minute, second] => {
            let second = second.split('.').next().unwrap_or("0");
            format!("{:02}:{:02}:{:02}", number(hour)?, number(minute)?, number(second)?)
        }
        _ => return None,
    };
    zone.read(&format!("{year:04}-{month:02}-{day:02}T{time}"))
}

/// The faults of an order's rows by row, for handing the rows back.
pub fn by_row(faults: &[RowFault]) -> BTreeMap<usize, Vec<&RowFault>> {
    let mut rows: BTreeMap<usize, Vec<&RowFault>> = BTreeMap::new();
    for fault in faults {
        rows.entry(fault.row).or_default().push(fault);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_they_were_written() {
        let pairs = [("a=b", "c=d\\"), ("two words", ""), ("lines", "one\ntwo")];
        let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(read_pairs(&write_pairs(&pairs)), pairs);
        assert_eq!(
            read_pairs("Gift = yes\n\nwrap"),
            [("Gift".to_owned(), " yes".to_owned()), ("wrap".to_owned(), String::new())]
        );
    }

    #[test]
    fn numbers_and_dates_are_read_as_people_write_them() {
        let number = |text, comma| decimal(text, comma).map(|number| number.normalize().to_string());
        assert_eq!(number("£1,234.50", false).as_deref(), Some("1234.5"));
        assert_eq!(number("1.234,50 €", true).as_deref(), Some("1234.5"));
        assert_eq!(number("two", false), None);
        assert_eq!(number("1.2.3", false), None);
        let date = |text, month_first| moment(text, month_first, &Zone::default()).map(|at| at.to_rfc3339());
        assert_eq!(date("2026-03-04 17:05", false).as_deref(), Some("2026-03-04T17:05:00Z"));
        assert_eq!(date("04/03/2026", false).as_deref(), Some("2026-03-04T00:00:00Z"));
        assert_eq!(date("03/04/26 9:05", true).as_deref(), Some("2026-03-04T09:05:00Z"));
        assert_eq!(date("31/02/2026", false), None);
        assert_eq!(date("soon", false), None);
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let local = |text| moment(text, false, &berlin).map(|at| at.to_rfc3339());
        assert_eq!(local("04/07/2026 09:30").as_deref(), Some("2026-07-04T07:30:00Z"));
        assert_eq!(local("2026-07-04T09:30:00Z").as_deref(), Some("2026-07-04T09:30:00Z"));
    }
}
