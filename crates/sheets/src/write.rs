//! Rows to files.

use std::borrow::Cow;

use rust_xlsxwriter::{Format, Workbook, XlsxError};

/// Which kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// CSV in UTF-8, with commas.
    Csv,
    /// XLSX with one sheet; all cells are texts.
    Xlsx,
}

impl FileKind {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            FileKind::Csv => "text/csv; charset=utf-8",
            FileKind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// Whether a spreadsheet may take a cell that begins so for a formula.
fn is_tempting(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// A cell that no spreadsheet takes for a formula: one that begins with `=`, `+`, `-`, `@`, a tab or a line end gets an apostrophe
/// in front, unless it is a plain number. One that has such apostrophes of its own gets another, so that [`meant`] undoes it.
pub fn harmless(cell: &str) -> Cow<'_, str> {
    let number = cell.parse::<f64>().is_ok_and(f64::is_finite);
    if is_tempting(cell.trim_start_matches('\'')) && !number {
        return Cow::Owned(format!("'{cell}"));
    }
    Cow::Borrowed(cell)
}

/// What a cell says that [`harmless`] or a spreadsheet's user guarded with an apostrophe.
pub fn meant(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_tempting(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// Writes a table page by page, so that rows need not all be there at once: those of XLSX wait in a file that goes by itself.
pub struct TableWriter(Target);

enum Target {
    Csv(Box<csv::Writer<Vec<u8>>>),
    Xlsx { book: Box<Workbook>, next: u32 },
}

impl TableWriter {
    /// Begins with the names of the columns.
    pub fn new(kind: FileKind, header: &[String]) -> Result<Self, XlsxError> {
        Ok(TableWriter(match kind {
            FileKind::Csv => {
                let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
                write_record(&mut writer, header);
                Target::Csv(Box::new(writer))
            }
            FileKind::Xlsx => {
                let mut book = Workbook::new();
                let sheet = book.add_worksheet_with_constant_memory()?;
                sheet.set_freeze_panes(1, 0)?;
                let bold = Format::new().set_bold();
                for (column, name) in (0_u16..).zip(header) {
                    sheet.write_string_with_format(0, column, harmless(name), &bold)?;
                }
                Target::Xlsx { book: Box::new(book), next: 1 }
            }
        }))
    }

    /// Adds rows.
    pub fn rows(&mut self, rows: &[Vec<String>]) -> Result<(), XlsxError> {
        match &mut self.0 {
            Target::Csv(writer) => rows.iter().for_each(|row| write_record(writer, row)),
            Target::Xlsx { book, next } => {
                let sheet = book.worksheet_from_index(0)?;
                for cells in rows {
                    for (column, cell) in (0_u16..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                        let text: String = harmless(cell).chars().take(32_000).collect();
                        sheet.write_string(*next, column, text)?;
                    }
                    *next += 1;
                }
            }
        }
        Ok(())
    }

    /// The file.
    pub fn finish(self) -> Result<Vec<u8>, XlsxError> {
        match self.0 {
            Target::Csv(writer) => Ok(writer.into_inner().unwrap_or_default()),
            Target::Xlsx { mut book, .. } => book.save_to_buffer(),
        }
    }
}

fn write_record(writer: &mut csv::Writer<Vec<u8>>, cells: &[String]) {
    // Writing into memory can't fail.
    let _ = writer.write_record(cells.iter().map(|cell| harmless(cell).into_owned()));
}

/// As CSV in UTF-8, with commas.
pub fn to_csv(header: &[String], rows: &[Vec<String>]) -> Vec<u8> {
    to_file(FileKind::Csv, header, rows).unwrap_or_default()
}

/// As XLSX; all cells are texts.
pub fn to_xlsx(header: &[String], rows: &[Vec<String>]) -> Result<Vec<u8>, XlsxError> {
    to_file(FileKind::Xlsx, header, rows)
}

fn to_file(kind: FileKind, header: &[String], rows: &[Vec<String>]) -> Result<Vec<u8>, XlsxError> {
    let mut writer = TableWriter::new(kind, header)?;
    writer.rows(rows)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_formula_is_made_harmless_and_numbers_stay() {
        assert_eq!(harmless("=1+1"), "'=1+1");
        assert_eq!(harmless("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(harmless("-12.50"), "-12.50");
        assert_eq!(harmless("+44 20"), "'+44 20");
        assert_eq!(harmless("plain"), "plain");
        assert_eq!(String::from_utf8(to_csv(&["a".into()], &[vec!["=x,y".into()]])).unwrap(), "a\n\"'=x,y\"\n");
    }

    #[test]
    fn what_was_made_harmless_says_the_same_when_it_is_read_again() {
        for cell in ["=1+1", "'=1+1", "''@x", "-12.50", "'-12.50", "+44 20", "'tis", "'", "O'Hara", ""] {
            assert_eq!(meant(&harmless(cell)), cell);
            assert!(!is_tempting(&harmless(cell)) || cell.parse::<f64>().is_ok());
        }
    }
}
