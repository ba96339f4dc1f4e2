//! Basic.

use aioxide_http::auth::{BasicError, decode_basic, encode_basic};

#[test]
fn example_of_the_rfc() {
    assert_eq!(
        encode_basic(b"Aladdin", b"open sesame").unwrap(),
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
    assert_eq!(
        encode_basic("test".as_bytes(), "123£".as_bytes()).unwrap(),
        "Basic dGVzdDoxMjPCow=="
    );
}

#[test]
fn colon_is_the_passwords() {
    assert_eq!(encode_basic(b"a:b", b"c"), Err(BasicError::ColonInLogin));
    let header = encode_basic(b"a", b"b:c").unwrap();
    assert_eq!(decode_basic(&header), Ok((b"a".to_vec(), b"b:c".to_vec())));
}

#[test]
fn header_is_refused_with_its_reason() {
    assert_eq!(decode_basic("Basic"), Err(BasicError::NoCredentials));
    assert_eq!(decode_basic("Bearer x"), Err(BasicError::OtherScheme("Bearer".into())));
    assert_eq!(decode_basic("Basic ?"), Err(BasicError::NotBase64));
    assert_eq!(decode_basic("Basic YQ=="), Err(BasicError::NoColon));
}
