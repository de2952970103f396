//! Files to rows.

use std::borrow::Cow;
use std::io::Cursor;
use std::ops::Range;

use calamine::{Data, Reader as _, Xlsx};

/// The largest file, in bytes.
pub const FILE_MAX: usize = 50 * 1024 * 1024;
/// The most rows, the header apart.
pub const ROWS_MAX: usize = 500_000;
/// The most columns.
pub const COLUMNS_MAX: usize = 500;
/// The most characters of a cell; more is cut.
pub const CELL_MAX: usize = 10_000;

/// Why a file is no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// It is larger than 50 MB.
    #[error("the file is larger than 50 MB")]
    TooLarge,
    /// It has more than 500,000 rows or 500 columns.
    #[error("the file has more than {0}")]
    TooMany(&'static str),
    /// Nothing is in it.
    #[error("the file has no rows")]
    Empty,
    /// Neither CSV nor XLSX.
    #[error("the file can't be read: {0}")]
    Unreadable(String),
}

/// A table: a header and rows of texts.
#[derive(Clone, Debug)]
pub struct Sheet {
    text: String,
    marks: Marks,
    header: Vec<String>,
    rows: Vec<Row>,
}

/// What separates and guards cells.
#[derive(Clone, Copy, Debug)]
struct Marks {
    delimiter: u8,
    quote: u8,
}

#[derive(Clone, Debug)]
struct Row {
    place: Range<usize>,
    line: u64,
}

/// How a CSV file is read where it can't be told from its bytes. Everything blank: it is told from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Between two cells: one ASCII character.
    pub delimiter: Option<char>,
    /// Around a cell that holds delimiters: one ASCII character.
    pub quote: Option<char>,
    /// Name of an encoding, such as `windows-1250`, `shift_jis` or `utf-16le`; blank to find out.
    pub encoding: String,
    /// The first row is no header: the columns are called `Column 1`, `Column 2` and so on.
    pub headerless: bool,
}

impl Reading {
    /// What is wrong with it, by field.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let usable = |mark: Option<char>| mark.is_none_or(|c| c.is_ascii() && (!c.is_control() || c == '\t'));
        let mut faults = Vec::new();
        if !usable(self.delimiter) {
            faults.push(("delimiter", "must be one plain character or a tab"));
        }
        if !usable(self.quote) || (self.quote.is_some() && self.quote == self.delimiter) {
            faults.push(("quote", "must be one plain character, and not the delimiter"));
        }
        if !self.encoding.is_empty() && encoding_rs::Encoding::for_label(self.encoding.as_bytes()).is_none() {
            faults.push(("encoding", "is no encoding that is known"));
        }
        faults
    }

    fn delimiter(&self) -> Option<u8> {
        self.delimiter.filter(char::is_ascii).map(|c| c as u8)
    }

    fn quote(&self) -> u8 {
        self.quote.filter(char::is_ascii).map_or(b'"', |c| c as u8)
    }
}

impl Sheet {
    /// Reads a file as its bytes tell, see [`Sheet::read_as`].
    pub fn read(bytes: &[u8]) -> Result<Sheet, SheetError> {
        Sheet::read_as(bytes, &Reading::default())
    }

    /// Reads a file: XLSX (its first sheet) by its signature, else CSV in UTF-8, UTF-16 or Windows-1252, whichever its bytes
    /// bear out; the delimiter is the one of comma, semicolon, tab and bar that divides the first lines most evenly. The first
    /// row is the header. Rows without any text are left out.
    pub fn read_as(bytes: &[u8], reading: &Reading) -> Result<Sheet, SheetError> {
        if bytes.len() > FILE_MAX {
            return Err(SheetError::TooLarge);
        }
        if bytes.starts_with(b"PK\x03\x04") {
            let text = xlsx_as_csv(bytes)?;
            return Sheet::parse(text, Marks { delimiter: b',', quote: b'"' }, reading.headerless);
        }
        let text = decode(bytes, &reading.encoding).into_owned();
        if text.contains('\0') {
            return Err(SheetError::Unreadable("it is neither CSV nor XLSX".to_owned()));
        }
        let quote = reading.quote();
        let delimiter = reading.delimiter().unwrap_or_else(|| delimiter_of(&text, quote));
        Sheet::parse(text, Marks { delimiter, quote }, reading.headerless)
    }

    fn parse(text: String, marks: Marks, headerless: bool) -> Result<Sheet, SheetError> {
        let mut reader = reader(marks, text.as_bytes());
        let mut record = csv::StringRecord::new();
        let unreadable = |error: csv::Error| SheetError::Unreadable(error.to_string());
        let mut places: Vec<(usize, u64, bool)> = Vec::new();
        let mut header = None;
        loop {
            let (start, line) = (reader.position().byte() as usize, reader.position().line());
            if !reader.read_record(&mut record).map_err(unreadable)? {
                break;
            }
            if record.len() > COLUMNS_MAX {
                return Err(SheetError::TooMany("500 columns"));
            }
            let blank = record.iter().all(|cell| cell.trim().is_empty());
            // Blank lines before a row are skipped with it.
            let skipped = text.as_bytes()[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let line = line + skipped.filter(|byte| **byte == b'\n').count() as u64;
            if header.is_none() {
                if !blank {
                    header = Some(if headerless { numbered(record.len()) } else { names(&record) });
                }
                if blank || !headerless {
                    continue;
                }
            }
            if headerless && header.as_ref().is_some_and(|names| names.len() < record.len()) {
                header = Some(numbered(record.len()));
            }
            places.push((start, line, blank));
            if places.len() > ROWS_MAX {
                return Err(SheetError::TooMany("500,000 rows"));
            }
        }
        let header = header.ok_or(SheetError::Empty)?;
        let ends = places.iter().skip(1).map(|(start, ..)| *start).chain([text.len()]).collect::<Vec<_>>();
        let rows = places
            .iter()
            .zip(ends)
            .filter(|((_, _, blank), _)| !blank)
            .map(|((start, line, _), end)| Row { place: *start..end, line: *line })
            .collect();
        Ok(Sheet { text, marks, header, rows })
    }

    /// The names of the columns: unique, none blank.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The cells of a row, as many as the header has; an apostrophe that guards against formulas is taken off.
    pub fn row(&self, index: usize) -> Vec<String> {
        let mut cells = Vec::with_capacity(self.header.len());
        if let Some(row) = self.rows.get(index) {
            let mut reader = reader(self.marks, &self.text.as_bytes()[row.place.clone()]);
            let mut record = csv::StringRecord::new();
            if reader.read_record(&mut record).unwrap_or(false) {
                let cell = |cell: &str| crate::meant(cell.trim()).chars().take(CELL_MAX).collect();
                cells.extend(record.iter().take(self.header.len()).map(cell));
            }
        }
        cells.resize(self.header.len(), String::new());
        cells
    }

    /// The line of the file on which a row begins, from 1; in XLSX the number of the row.
    pub fn line(&self, index: usize) -> u64 {
        self.rows.get(index).map_or(0, |row| row.line)
    }
}

fn reader(marks: Marks, bytes: &[u8]) -> csv::Reader<&[u8]> {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(marks.delimiter).quote(marks.quote).from_reader(bytes)
}

fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("Column {n}")).collect()
}

fn names(record: &csv::StringRecord) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (i, name) in record.iter().enumerate() {
        let name: String =
            name.trim().chars().filter(|c| !c.is_control() && *c != '{' && *c != '}').take(100).collect();
        let base = if name.is_empty() { format!("Column {}", i + 1) } else { name };
        let mut unique = base.clone();
        let mut n = 2;
        while names.contains(&unique) {
            unique = format!("{base} ({n})");
            n += 1;
        }
        names.push(unique);
    }
    names
}

fn decode<'b>(bytes: &'b [u8], named: &str) -> Cow<'b, str> {
    if let Some(encoding) = encoding_rs::Encoding::for_label(named.as_bytes()) {
        return encoding.decode(bytes).0;
    }
    if let Some((encoding, length)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[length..]).0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode(bytes).0,
    }
}

/// The delimiter that the first lines have most of, if each has as many.
fn delimiter_of(text: &str, quote: u8) -> u8 {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(20).collect();
    let score = |delimiter: u8| {
        let counts: Vec<usize> = lines.iter().map(|line| outside_quotes(line, delimiter, quote)).collect();
        let first = counts.first().copied().unwrap_or(0);
        let even = counts.iter().filter(|count| **count == first).count();
        if first == 0 { (0, 0) } else { (even, first) }
    };
    [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|delimiter| score(*delimiter)).unwrap_or(b',')
}

fn outside_quotes(line: &str, delimiter: u8, quote: u8) -> usize {
    let mut quoted = false;
    line.bytes()
        .filter(|byte| {
            quoted ^= *byte == quote;
            !quoted && *byte == delimiter
        })
        .count()
}

fn xlsx_as_csv(bytes: &[u8]) -> Result<String, SheetError> {
    let unreadable = |error: &dyn std::fmt::Display| SheetError::Unreadable(error.to_string());
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    let sheet = book.worksheet_range_at(0).ok_or(SheetError::Empty)?.map_err(|error| unreadable(&error))?;
    if sheet.height() > ROWS_MAX + 1 {
        return Err(SheetError::TooMany("500,000 rows"));
    }
    if sheet.width() > COLUMNS_MAX {
        return Err(SheetError::TooMany("500 columns"));
    }
    // Rows above the first filled one are kept blank, so that lines are the rows that people see.
    let skipped = sheet.start().map_or(0, |(row, _)| row as usize);
    let mut text = "\n".repeat(skipped.min(ROWS_MAX));
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in sheet.rows() {
        // A record with only one empty cell is written as a quoted blank, so that it stays a line.
        writer.write_record(row.iter().map(cell_text)).map_err(|error| unreadable(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| unreadable(&error))?;
    text.push_str(&String::from_utf8_lossy(&bytes));
    Ok(text)
}

/// A cell as people see it: dates in ISO form, whole numbers without a point.
fn cell_text(cell: &Data) -> String {
    match cell {
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::DateTime(at) if at.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        Data::Empty => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(bytes: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
        let sheet = Sheet::read(bytes).unwrap();
        (sheet.header().to_vec(), (0..sheet.len()).map(|i| sheet.row(i)).collect())
    }

    #[test]
    fn delimiter_and_encoding_are_found() {
        let expected = (vec!["Order".to_owned(), "Town".to_owned()], vec![vec!["1".to_owned(), "Zürich".to_owned()]]);
        assert_eq!(table("Order;Town\r\n1;Zürich\r\n".as_bytes()), expected);
        assert_eq!(table(b"Order;Town\n1;Z\xfcrich\n"), expected);
        assert_eq!(table("\u{feff}Order\tTown\n1\tZürich".as_bytes()), expected);
        let utf16: Vec<u8> = [0xfeff_u16]
            .into_iter()
            .chain("Order,Town\n1,Zürich\n".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(table(&utf16), expected);
    }

    #[test]
    fn quoted_line_ends_and_missing_cells_are_read_and_lines_are_counted_as_in_the_file() {
        let sheet = Sheet::read(b"a,b,c\n1,\"two\nlines\",3\n\n4\n,,\n7,8,9,10\n").unwrap();
        assert_eq!(sheet.len(), 3, "blank rows are none");
        assert_eq!(sheet.row(0), ["1", "two\nlines", "3"]);
        assert_eq!(sheet.row(1), ["4", "", ""]);
        assert_eq!(sheet.row(2), ["7", "8", "9"]);
        assert_eq!([sheet.line(0), sheet.line(1), sheet.line(2)], [2, 5, 7]);
    }

    #[test]
    fn what_the_bytes_do_not_tell_can_be_said() {
        let reading =
            Reading { delimiter: Some('~'), quote: Some('\''), encoding: "windows-1250".to_owned(), headerless: true };
        assert!(reading.faults().is_empty());
        let sheet = Sheet::read_as(b"1~'a~b'\n2~\xb3~x\n", &reading).unwrap();
        assert_eq!(sheet.header(), ["Column 1", "Column 2", "Column 3"]);
        assert_eq!(
            (sheet.row(0), sheet.row(1)),
            (vec!["1".into(), "a~b".into(), String::new()], vec!["2".into(), "ł".into(), "x".into()])
        );
        assert_eq!([sheet.line(0), sheet.line(1)], [1, 2]);
        let wrong =
            Reading { delimiter: Some('é'), quote: Some('\n'), encoding: "morse".to_owned(), headerless: false };
        assert_eq!(
            wrong.faults().iter().map(|(field, _)| *field).collect::<Vec<_>>(),
            ["delimiter", "quote", "encoding"]
        );
    }

    #[test]
    fn columns_without_a_name_or_with_the_same_get_their_own() {
        assert_eq!(Sheet::read(b"a,,a,{b}\n1,2,3,4").unwrap().header(), ["a", "Column 2", "a (2)", "b"]);
        assert_eq!(Sheet::read(b"\n\n").unwrap_err(), SheetError::Empty);
        assert!(matches!(Sheet::read(b"a\0b"), Err(SheetError::Unreadable(_))));
        assert!(matches!(Sheet::read(b"PK\x03\x04 no zip"), Err(SheetError::Unreadable(_))));
    }

    #[test]
    fn the_kept_corpus_of_the_fuzzer_is_read_or_refused() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/sheet");
        let files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() >= 5);
        for file in files {
            if let Ok(sheet) = Sheet::read(&std::fs::read(&file).unwrap()) {
                assert!((0..sheet.len()).all(|row| sheet.row(row).len() == sheet.header().len()), "{}", file.display());
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(sheet) = Sheet::read(&bytes) {
                for i in 0..sheet.len() {
                    prop_assert_eq!(sheet.row(i).len(), sheet.header().len());
                }
            }
        }

        #[test]
        fn what_is_written_is_read_again(rows in proptest::collection::vec(proptest::collection::vec("[a-zA-Z0-9 ,;\"'\n-]{0,12}", 3), 1..20)) {
            let header = ["x1", "y2", "z3"].map(str::to_owned).to_vec();
            let clean: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect()).collect();
            let kept: Vec<&Vec<String>> = clean.iter().filter(|row| row.iter().any(|cell| !cell.is_empty())).collect();
            for bytes in [crate::to_csv(&header, &clean), crate::to_xlsx(&header, &clean).unwrap()] {
                let sheet = Sheet::read(&bytes).unwrap();
                prop_assert_eq!(sheet.header(), &header[..]);
                prop_assert_eq!(sheet.len(), kept.len());
                for (i, row) in kept.iter().enumerate() {
                    prop_assert_eq!(&sheet.row(i), *row);
                }
            }
        }
    }
}
