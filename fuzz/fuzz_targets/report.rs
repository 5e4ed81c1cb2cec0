//! What a monitor says, from the bytes in the queue to the types that the engine judges by.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use themis_core::inquiry::{CensusAnswer, ProbeAnswer};
use themis_core::report::Report;
use themis_messaging::argument;
use themis_messaging::envelope::Request;

fuzz_target!(|data: &[u8]| {
    let Ok(request) = Request::decode(data) else { return };
    let args = Value::Object(request.args);
    if let Ok(report) = argument::<Report>(&args, "report") {
        let again: Report = serde_json::from_value(serde_json::to_value(&report).expect("encodes")).expect("decodes");
        assert_eq!(again, report);
    }
    let _ = argument::<ProbeAnswer>(&args, "answer");
    let _ = argument::<CensusAnswer>(&args, "answer");
});
