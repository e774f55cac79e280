//! Answers of the identity platform: any status, any body.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::entra_answers::check(input));
