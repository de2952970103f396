#![no_main]

use consign_oms::rules::{Body, Facts, compile, evaluate, explain};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = serde_json::from_slice::<Body>(bytes) else { return };
    let text = serde_json::to_string(&body).expect("what was read can be written");
    assert_eq!(serde_json::from_str::<Body>(&text).expect("and read again"), body);
    if let Ok(rule) = compile(&body) {
        let facts = Facts::default();
        assert_eq!(evaluate(&rule, &facts), explain(&rule, &facts).0);
    }
});
