//! What the writer writes.

use aioxide_http::coding::{Coding, Codings, Decoder, Limits as CodingLimits};
use aioxide_http::multipart::{
    Boundary, HeaderError, Kind, Part, TransferDecoder, TransferEncoding, WriteError, Writer,
    Written, content_length,
};

use super::support::{boundary, contents, headers, part, write};

#[test]
fn parts_are_written_as_aiohttp_writes_them() {
    let text =
        Part::new(Kind::Other, headers(&[("Content-Type", "text/plain; charset=utf-8")]), Some(11))
            .expect("part");
    let empty = Part::new(Kind::Other, headers(&[]), Some(0)).expect("part");
    let colon = boundary(":");
    let body = write(&colon, &[(&text, b"foo-bar-baz"), (&empty, b"")]);
    let expected = concat!(
        "--:\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 11\r\n\r\n",
        "foo-bar-baz\r\n--:\r\nContent-Length: 0\r\n\r\n\r\n--:--\r\n",
    );
    assert_eq!(String::from_utf8_lossy(&body), expected);
    assert_eq!(content_length(&colon, [&text, &empty]), Some(body.len() as u64));
}

#[test]
fn body_without_parts_is_its_end() {
    assert_eq!(write(&boundary("b"), &[]), b"--b--\r\n");
    assert_eq!(content_length(&boundary("b"), []), Some(7));
}

#[test]
fn size_is_not_known_if_that_of_a_part_is_not() {
    let b = boundary("b");
    let known = Part::new(Kind::Other, headers(&[]), Some(1)).expect("part");
    assert_eq!(content_length(&b, [&known, &part(&[])]), None);
    let encoded = headers(&[("Content-Transfer-Encoding", "base64")]);
    let encoded = Part::new(Kind::Other, encoded, Some(1)).expect("part");
    assert_eq!(encoded.headers().get(b"content-length"), None);
    assert_eq!(content_length(&b, [&known, &encoded]), None);
    let huge = Part::new(Kind::Other, headers(&[]), Some(u64::MAX)).expect("part");
    assert_eq!(content_length(&b, [&huge]), None);
}

#[test]
fn plain_content_stays_with_the_caller() {
    let mut writer = Writer::new(boundary("b"));
    let mut output = Vec::new();
    writer.begin_part(&part(&[]), &mut output).expect("begin");
    let length = output.len();
    assert_eq!(writer.data(b"content", &mut output), Ok(Written::AsIs));
    assert_eq!(output.len(), length);
    assert_eq!(writer.written(), length as u64 + 7);
}

#[test]
fn content_is_held_to_its_length() {
    let mut writer = Writer::new(boundary("b"));
    let mut output = Vec::new();
    let five = Part::new(Kind::Other, headers(&[]), Some(5)).expect("part");
    writer.begin_part(&five, &mut output).expect("begin");
    writer.data_to(b"123", &mut output).expect("content");
    let before = output.clone();
    let error = Err(WriteError::Length { length: 5, written: 6 });
    assert_eq!(writer.data_to(b"456", &mut output), error);
    assert_eq!(output, before);
    assert_eq!(writer.end_part(&mut output), Err(WriteError::Length { length: 5, written: 3 }));
}

#[test]
fn calls_in_the_wrong_order_are_refused() {
    let is_order = |result| matches!(result, Err(WriteError::Order { .. }));
    let mut output = Vec::new();
    let mut writer = Writer::new(boundary("b"));
    assert!(is_order(writer.data_to(b"x", &mut output)));
    assert!(is_order(writer.end_part(&mut output)));
    writer.begin_part(&part(&[]), &mut output).expect("begin");
    assert!(is_order(writer.begin_part(&part(&[]), &mut output)));
    assert!(is_order(writer.begin_nested(&part(&[]), boundary("c"), &mut output)));
    assert!(is_order(writer.close(&mut output)));
    writer.end_part(&mut output).expect("end");
    assert!(is_order(writer.end_part(&mut output)));
    writer.close(&mut output).expect("close");
    assert!(writer.is_closed());
    assert!(is_order(writer.close(&mut output)));
    assert!(is_order(writer.begin_part(&part(&[]), &mut output)));
    assert_eq!(output, b"--b\r\n\r\n\r\n--b--\r\n");
}

#[test]
fn content_is_compressed_and_encoded_as_the_headers_say() {
    let content = b"hello, ".repeat(1000);
    for coding in ["gzip", "Deflate", "identity"] {
        for transfer in ["base64", "quoted-printable", "binary"] {
            let fields = [("Content-Encoding", coding), ("Content-Transfer-Encoding", transfer)];
            let part = part(&fields);
            let mut writer = Writer::new(boundary("b"));
            let mut body = Vec::new();
            writer.begin_part(&part, &mut body).expect("begin");
            let start = body.len();
            for piece in content.chunks(100) {
                writer.data_to(piece, &mut body).expect("content");
            }
            writer.end_part(&mut body).expect("end");
            let text = &body[start..body.len() - 2];
            let mut decoder = TransferDecoder::new(part.transfer_encoding());
            let mut compressed = Vec::new();
            decoder.decode(text, &mut compressed);
            decoder.finish(&mut compressed).expect("transfer encoding");
            let codings = Codings::from(part.content_coding());
            let mut decoder = Decoder::new(&codings, CodingLimits::default());
            let mut decoded = Vec::new();
            decoder.decode_to_vec(&compressed, &mut decoded).expect("content coding");
            assert_eq!(decoder.finish(), Ok(()));
            assert_eq!(decoded, content, "{coding} {transfer}");
            if part.content_coding() == Coding::Deflate {
                assert_ne!(compressed[0] & 15, 8, "a zlib header, which aiohttp cannot read here");
            }
            assert_eq!(part.transfer_encoding() == TransferEncoding::Base64, transfer == "base64");
        }
    }
}

#[test]
fn encodings_that_are_not_known_are_refused() {
    for (header, value) in [
        ("Content-Encoding", "br"),
        ("Content-Encoding", "gzip, deflate"),
        ("Content-Transfer-Encoding", "uuencode"),
    ] {
        let error = Part::new(Kind::Other, headers(&[(header, value)]), None);
        let value = value.to_owned();
        assert_eq!(error, Err(WriteError::UnknownEncoding { header, value }));
    }
}

#[test]
fn length_and_its_header_agree() {
    let with = |value: &str| Part::new(Kind::Other, headers(&[("content-length", value)]), Some(5));
    assert_eq!(with("5").expect("part").headers().len(), 1);
    let header = "6".to_owned();
    assert_eq!(with("6"), Err(WriteError::ContentLength { length: 5, header }));
}

#[test]
fn parts_of_forms_have_a_name_and_no_encodings() {
    let form = |fields: &[(&str, &str)]| Part::new(Kind::FormData, headers(fields), Some(5));
    let name = ("Content-Disposition", "form-data; name=\"x\"");
    let part = form(&[name]).expect("part");
    assert_eq!(part.headers().as_bytes(), b"Content-Disposition: form-data; name=\"x\"\r\n");
    assert_eq!(content_length(&boundary("b"), [&part]), Some(70 - 7));
    assert!(form(&[("Content-Disposition", "form-data; name*=utf-8''x")]).is_ok());
    assert_eq!(form(&[]), Err(WriteError::NoName));
    assert_eq!(form(&[("Content-Disposition", "form-data")]), Err(WriteError::NoName));
    for header in ["Content-Encoding", "Content-Transfer-Encoding", "Content-Length"] {
        let error = form(&[name, (header, "binary")]);
        assert_eq!(error, Err(WriteError::NotInForms { name: header }));
    }
}

#[test]
fn bodies_are_written_within_parts() {
    let inner_part = Part::new(Kind::Other, headers(&[]), Some(6)).expect("part");
    let inner = boundary("::");
    let length = content_length(&inner, [&inner_part]);
    let fields = [("Content-Type", "multipart/mixed; boundary=\"::\"")];
    let outer_part = Part::new(Kind::Other, headers(&fields), length).expect("part");
    let outer = boundary("b");
    let mut writer = Writer::new(outer.clone());
    let mut body = Vec::new();
    writer.begin_nested(&outer_part, inner, &mut body).expect("nested");
    writer.begin_part(&inner_part, &mut body).expect("part");
    writer.data_to(b"nested", &mut body).expect("content");
    writer.end_part(&mut body).expect("end");
    writer.close(&mut body).expect("close");
    assert!(!writer.is_closed());
    writer.close(&mut body).expect("close");
    assert_eq!(
        String::from_utf8_lossy(&body),
        concat!(
            "--b\r\nContent-Type: multipart/mixed; boundary=\"::\"\r\nContent-Length: 43\r\n\r\n",
            "--::\r\nContent-Length: 6\r\n\r\nnested\r\n--::--\r\n\r\n--b--\r\n"
        )
    );
    assert_eq!(content_length(&outer, [&outer_part]), Some(body.len() as u64));
    let content = contents(&String::from_utf8_lossy(&body));
    assert_eq!(content, ["--::\r\nContent-Length: 6\r\n\r\nnested\r\n--::--\r\n"]);
}

#[test]
fn nested_body_is_held_to_its_length() {
    let mut writer = Writer::new(boundary("b"));
    let mut body = Vec::new();
    let wrong = Part::new(Kind::Other, headers(&[]), Some(8)).expect("part");
    writer.begin_nested(&wrong, boundary("c"), &mut body).expect("nested");
    assert_eq!(writer.close(&mut body), Err(WriteError::Length { length: 8, written: 7 }));
}

#[test]
fn nested_body_has_its_own_boundary_and_is_plain() {
    let mut writer = Writer::new(boundary("b"));
    let mut body = Vec::new();
    let error = writer.begin_nested(&part(&[]), boundary("b"), &mut body);
    assert_eq!(error, Err(WriteError::SameBoundary));
    let encoded = part(&[("Content-Encoding", "gzip")]);
    let error = writer.begin_nested(&encoded, boundary("c"), &mut body);
    assert_eq!(error, Err(WriteError::NestedEncoded));
    assert!(body.is_empty());
}

#[test]
fn errors_of_headers_say_which_and_why() {
    let error = headers(&[]).append(b"X", b"a\r\nb").expect_err("CR");
    assert_eq!(error.to_string(), "X has the control character 0x0d");
    let error: WriteError = HeaderError::Name { name: "a b".to_owned() }.into();
    assert_eq!(error.to_string(), "not a name of a header or of a parameter: a b");
}

#[test]
fn boundaries_of_random_bytes_are_all_different() {
    let first = Boundary::from_random([1; 16]);
    assert_ne!(first, Boundary::from_random([2; 16]));
    assert_eq!(first.as_bytes().len(), 32);
}
