//! Answers of the VB365 server: any status, any body.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::veeam_answers::check(input));
