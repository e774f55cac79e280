//! An entry of the cache: any content of a tenant's file.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::cache_entries::check(input));
