//! `Content-Disposition` as aiohttp's own tests want it.

use aioxide_http::multipart::{HeaderError, content_disposition};

fn written(name: &str, value: &[u8], charset: &str, quote_fields: bool) -> Vec<u8> {
    content_disposition(b"attachment", &[(name.as_bytes(), value)], charset, quote_fields)
        .expect("a header")
}

#[test]
fn values_are_quoted_as_aiohttp_does() {
    let cases = [
        ("foo", &b"bar"[..], "utf-8", true, &b"attachment; foo=\"bar\""[..]),
        ("foo", b"bar[]", "utf-8", true, b"attachment; foo=\"bar[]\""),
        ("foo", b" a\"\"b\\", "utf-8", true, b"attachment; foo=\"\\ a\\\"\\\"b\\\\\""),
        ("foo", "b\u{e4}r".as_bytes(), "utf-8", true, b"attachment; foo*=utf-8''b%C3%A4r"),
        ("foo", b"b\xe4r", "latin-1", true, b"attachment; foo*=latin-1''b%E4r"),
        ("foo", b"b\xe4r \"\\", "utf-8", false, b"attachment; foo=\"b\xe4r \\\"\\\\\""),
        ("filename", "b\u{e4}r".as_bytes(), "utf-8", true, b"attachment; filename=\"b%C3%A4r\""),
        ("filename", b"b\xe4r", "latin-1", true, b"attachment; filename=\"b%E4r\""),
        ("filename", b"b\xe4r \"\\", "utf-8", false, b"attachment; filename=\"b\xe4r \\\"\\\\\""),
    ];
    for (name, value, charset, quote_fields, header) in cases {
        let got = written(name, value, charset, quote_fields);
        assert_eq!(got.escape_ascii().to_string(), header.escape_ascii().to_string());
    }
}

#[test]
fn several_parameters_follow_each_other() {
    let parameters: [(&[u8], &[u8]); 2] = [(b"name", b"n"), (b"filename", b"a/b c.txt")];
    let header = content_disposition(b"form-data", &parameters, "utf-8", true).expect("a header");
    assert_eq!(header, b"form-data; name=\"n\"; filename=\"a%2Fb%20c.txt\"");
    let header = content_disposition(b"inline", &[], "utf-8", true).expect("a header");
    assert_eq!(header, b"inline");
}

#[test]
fn types_and_names_are_tokens() {
    for bad in ["foo bar", "\u{442}", "foo\0bar", "", "a;b", "a\r\nb"] {
        let name = HeaderError::Name { name: bad.as_bytes().escape_ascii().to_string() };
        let error = content_disposition(bad.as_bytes(), &[], "utf-8", true);
        assert_eq!(error, Err(name.clone()));
        let error = content_disposition(b"inline", &[(bad.as_bytes(), b"x")], "utf-8", true);
        assert_eq!(error, Err(name.clone()));
        let error = content_disposition(b"inline", &[(b"x", b"\xff")], bad, true);
        assert_eq!(error, Err(name));
    }
}
