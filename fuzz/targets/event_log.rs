#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offhook_conversation::fuzzing::event_log(bytes));
