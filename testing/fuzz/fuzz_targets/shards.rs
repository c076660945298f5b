#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hubwire_fuzz::shards(data));
