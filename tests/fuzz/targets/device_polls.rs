//! A sign-in: what the identity platform may answer from its code to its end.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::device_polls::check(input));
