#![no_main]

use consign_sheets::{Reading, Sheet};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let by_hand = Reading { delimiter: Some('~'), quote: Some('\''), encoding: "shift_jis".to_owned(), headerless: true };
    for reading in [Reading::default(), by_hand] {
        let Ok(sheet) = Sheet::read_as(bytes, &reading) else { continue };
        for row in 0..sheet.len().min(1_000) {
            assert_eq!(sheet.row(row).len(), sheet.header().len());
            assert!(sheet.line(row) > 0);
        }
    }
});
