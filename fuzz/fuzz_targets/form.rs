//! Any bytes as a form: no panic, and what was parsed stays when it is encoded and parsed again.
#![no_main]

use aioxide_http::form::{Limits, encode, parse};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = Limits { max_size: 4096, max_fields: 100 };
    for keep_blank_values in [true, false] {
        let Ok(fields) = parse(data, keep_blank_values, limits) else { continue };
        assert!(fields.len() <= 100);
        let form = encode(fields.iter().map(|(name, value)| (&name[..], &value[..])));
        assert!(form.is_ascii());
        let again = parse(&form, keep_blank_values, Limits::default()).expect("fine");
        assert_eq!(again, fields);
    }
});
