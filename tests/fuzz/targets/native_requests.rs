//! Requests of the native protocol: any bytes on stdin.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::native_requests::check(input));
