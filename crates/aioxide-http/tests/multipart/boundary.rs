//! Boundaries and the content types that have them.

use aioxide_http::multipart::{Boundary, BoundaryError, Kind, MAX_BOUNDARY, MultipartType};

fn parse(value: &str) -> Result<(String, String), BoundaryError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    MultipartType::parse(value.as_bytes())
        .map(|parsed| (text(&parsed.subtype), text(parsed.boundary.as_bytes())))
}

#[test]
fn random_bytes_become_hexadecimal() {
    let boundary =
        Boundary::from_random([0x0f, 0xa0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 255]);
    assert_eq!(boundary.as_bytes(), b"0fa0000102030405060708090a0b0cff");
    assert_eq!(boundary.parameter(), boundary.as_bytes());
}

#[test]
fn boundaries_that_are_none_are_refused() {
    assert_eq!(Boundary::new(b""), Err(BoundaryError::Length { length: 0 }));
    assert!(Boundary::new(&[b'x'; MAX_BOUNDARY]).is_ok());
    let long = Boundary::new(&[b'x'; MAX_BOUNDARY + 1]);
    assert_eq!(long, Err(BoundaryError::Length { length: MAX_BOUNDARY + 1 }));
    for byte in [b'\r', b'\n', 0, 0x7f, 0xe9] {
        assert_eq!(Boundary::new(&[b'a', byte, b'b']), Err(BoundaryError::Character { byte }));
    }
    assert_eq!(Boundary::new(b"a "), Err(BoundaryError::TrailingSpace));
    assert_eq!(Boundary::new(b"a\t"), Err(BoundaryError::TrailingSpace));
}

#[test]
fn boundary_that_is_no_token_is_quoted() {
    let quoted = |text: &[u8]| {
        let parameter = Boundary::new(text).expect("boundary").parameter();
        String::from_utf8(parameter).expect("ASCII")
    };
    assert_eq!(quoted(b"abc123"), "abc123");
    assert_eq!(quoted(b":"), "\":\"");
    assert_eq!(quoted(b"a b"), "\"a b\"");
    assert_eq!(quoted(br#"\""#), r#""\\\"""#);
}

#[test]
fn quoted_boundary_is_read_back() {
    for text in [&b"abc"[..], b":", b"a; b=\"c\\d\"", b"\ta'b", br#"\"\"#] {
        let boundary = Boundary::new(text).expect("boundary");
        let value = [b"multipart/mixed; boundary=", &boundary.parameter()[..]].concat();
        assert_eq!(MultipartType::parse(&value).expect("content type").boundary, boundary);
    }
}

#[test]
fn boundary_is_found_among_parameters() {
    let mixed = |boundary: &str| Ok(("mixed".to_owned(), boundary.to_owned()));
    assert_eq!(parse("multipart/mixed;boundary=b"), mixed("b"));
    assert_eq!(parse(" Multipart/MIXED ; charset=\"x;boundary=no\"; BOUNDARY = b ;x"), mixed("b"));
    assert_eq!(parse("multipart/mixed; boundary=\"b"), mixed("b"));
    assert_eq!(parse("multipart/mixed; boundary=\"b \" ; x=y"), mixed("b"));
    assert_eq!(parse("multipart/mixed;;x; boundary=b; boundary=c"), mixed("b"));
}

#[test]
fn content_types_without_a_boundary_are_refused() {
    assert_eq!(parse(""), Err(BoundaryError::NotMultipart));
    assert_eq!(parse("text/plain; boundary=b"), Err(BoundaryError::NotMultipart));
    assert_eq!(parse("multipartx/mixed; boundary=b"), Err(BoundaryError::NotMultipart));
    assert_eq!(parse("multipart/mixed"), Err(BoundaryError::Missing));
    assert_eq!(parse("multipart/mixed; boundary"), Err(BoundaryError::Length { length: 0 }));
    assert_eq!(parse("multipart/mixed; boundary=\"\\"), Err(BoundaryError::Length { length: 0 }));
    let long = format!("multipart/mixed; boundary={}", "x".repeat(71));
    assert_eq!(parse(&long), Err(BoundaryError::Length { length: 71 }));
}

#[test]
fn forms_are_told_from_other_bodies() {
    let kind = |value: &[u8]| MultipartType::parse(value).expect("content type").kind();
    assert_eq!(kind(b"multipart/Form-Data; boundary=b"), Kind::FormData);
    assert_eq!(kind(b"multipart/mixed; boundary=b"), Kind::Other);
}
