//! Set-Cookie, Cookie and dates: what is read can be written, and is read as the same again.
#![no_main]

use aioxide_http::cookies::{
    CookieHeader, SetCookieLimits, parse_cookie_header, parse_date, parse_set_cookie, quote,
    unquote,
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = SetCookieLimits::default();
    if let Ok(cookie) = parse_set_cookie(data, &limits) {
        assert!(cookie.key().len() + cookie.coded_value().len() <= limits.pair_length);
        let plain = format!("{}={}", cookie.key(), cookie.coded_value());
        let again =
            parse_set_cookie(plain.as_bytes(), &limits).map(|cookie| cookie.value().to_owned());
        assert_eq!(again.as_deref(), Ok(cookie.value()));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = parse_date(text);
    assert_eq!(unquote(&quote(text)), text);
    let cookies = parse_cookie_header(text);
    let mut header = CookieHeader::new();
    for cookie in &cookies {
        header.set(cookie.key(), cookie.key(), cookie.coded_value());
    }
    assert_eq!(header.render().map(|field| field.is_some()), Ok(!cookies.is_empty()));
});
