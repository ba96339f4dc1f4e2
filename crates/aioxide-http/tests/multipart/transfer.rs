//! base64 and quoted-printable, against CPython's answers.

use aioxide_http::multipart::{TransferDecoder, TransferEncoder, TransferEncoding, TransferError};

use TransferEncoding::{Base64, Identity, QuotedPrintable};

fn encode<'a>(encoding: TransferEncoding, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut encoder = TransferEncoder::new(encoding);
    let mut output = Vec::new();
    for piece in pieces {
        encoder.encode(piece, &mut output);
    }
    encoder.finish(&mut output);
    output
}

fn decode<'a>(
    encoding: TransferEncoding,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, TransferError> {
    let mut decoder = TransferDecoder::new(encoding);
    let mut output = Vec::new();
    for piece in pieces {
        decoder.decode(piece, &mut output);
    }
    decoder.finish(&mut output).map(|()| output)
}

fn encoded(encoding: TransferEncoding, content: &[u8]) -> String {
    let whole = encode(encoding, [content]);
    for split in 0..=content.len() {
        let (first, second) = content.split_at(split);
        assert_eq!(encode(encoding, [first, second]), whole);
    }
    assert_eq!(encode(encoding, content.chunks(1)), whole);
    assert_eq!(decoded(encoding, &whole).as_deref(), Ok(content));
    String::from_utf8(whole).expect("ASCII")
}

fn decoded(encoding: TransferEncoding, text: &[u8]) -> Result<Vec<u8>, TransferError> {
    let whole = decode(encoding, [text]);
    for split in 0..=text.len() {
        let (first, second) = text.split_at(split);
        assert_eq!(decode(encoding, [first, second]), whole);
    }
    assert_eq!(decode(encoding, text.chunks(1)), whole);
    whole
}

#[test]
fn names_are_found_in_any_case() {
    for name in ["", "binary", "7bit", "8BIT"] {
        assert_eq!(TransferEncoding::from_name(name.as_bytes()), Some(Identity));
    }
    assert_eq!(TransferEncoding::from_name(b" Base64 "), Some(Base64));
    assert_eq!(TransferEncoding::from_name(b"Quoted-Printable"), Some(QuotedPrintable));
    assert_eq!(TransferEncoding::from_name(b"uuencode"), None);
}

#[test]
fn base64_is_one_line_in_any_pieces() {
    for (content, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(encoded(Base64, content.as_bytes()), text);
    }
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(encoded(Base64, &all).len(), 344);
}

#[test]
fn base64_is_read_as_cpython_reads_it() {
    for (text, content) in [
        ("Zm9v\r\nYmFy", "foobar"),
        (" Z-m_9!v ", "foo"),
        ("Zg==", "f"),
        ("Zg==Zm9v", "f"),
        ("Zg=\n=", "f"),
        ("=Zm9v", "foo"),
        ("Z=m9v", "foo"),
        ("Zm=9v", "foo"),
        ("Zm9=v", "fo"),
    ] {
        assert_eq!(decoded(Base64, text.as_bytes()), Ok(content.as_bytes().to_vec()), "{text}");
    }
    for text in ["Z", "Zg", "Zg=", "Zm9", "Zm9vZ", "Z==="] {
        assert_eq!(decoded(Base64, text.as_bytes()), Err(TransferError::Base64), "{text}");
    }
}

#[test]
fn quoted_printable_encodes_what_is_not_printable() {
    for (content, text) in [
        ("", ""),
        ("a=b", "a=3Db"),
        ("b\u{e4}r", "b=C3=A4r"),
        ("a \tb", "a \tb"),
        ("a ", "a=20"),
        ("a\t\r\nb", "a=09\r\nb"),
        ("a \r b", "a =0D b"),
        ("a\r", "a=0D"),
        ("a \r", "a =0D"),
        ("a\r\r\n", "a=0D\r\n"),
        ("a\nb", "a=0Ab"),
        ("\r\n\r\n", "\r\n\r\n"),
    ] {
        assert_eq!(encoded(QuotedPrintable, content.as_bytes()), text, "{content:?}");
    }
}

#[test]
fn quoted_printable_lines_have_76_characters_at_most() {
    for content in ["x".repeat(500), "=".repeat(300), " x=".repeat(200), " ".repeat(400)] {
        let text = encoded(QuotedPrintable, content.as_bytes());
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines.len() > 5);
        for line in lines {
            assert!(line.len() <= 76, "{line}");
            assert!(!line.ends_with(' '), "{line}");
        }
    }
}

#[test]
fn quoted_printable_is_read_as_cpython_reads_it() {
    for (text, content) in [
        ("a=3Db", "a=b"),
        ("a=3db", "a=b"),
        ("a=\r\nb", "ab"),
        ("a=\nb", "ab"),
        ("a=\rjunk\nb", "ab"),
        ("a==b", "a=b"),
        ("a===3D", "a=="),
        ("a=", "a"),
        ("a=3", "a=3"),
        ("a=3x", "a=3x"),
        ("a=x3", "a=x3"),
        ("a=3=3D", "a=3="),
        ("a= \r\nb", "a= \r\nb"),
        ("a=\r", "a"),
    ] {
        let got = decoded(QuotedPrintable, text.as_bytes());
        assert_eq!(got, Ok(content.as_bytes().to_vec()), "{text:?}");
    }
}

#[test]
fn identity_is_as_it_was() {
    assert_eq!(encoded(Identity, b"a\r=\n"), "a\r=\n");
}
