//! Requests of other tools: any bytes on stdin or in the environment.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::callers_requests::check(input));
