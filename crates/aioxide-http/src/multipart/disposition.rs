//! `Content-Disposition`, as aiohttp writes it.

use super::HeaderError;
use super::error::shown;
use super::headers::{control, is_token};

/// The value of a `Content-Disposition` header.
///
/// Parameters are given as bytes in `charset`, which is named where it matters. With
/// `quote_fields`, as is aiohttp's default, all is ASCII: the file name is percent-encoded, other
/// values are quoted, and those with other than ASCII characters become `name*=charset''...`.
/// Without, bytes stay as they are, and quotes and backslashes are escaped.
///
/// # Errors
/// The type or the name of a parameter is not a token, or a value has a control character other
/// than a tab. aiohttp would percent-encode some of these; there is no good use for them.
pub fn content_disposition(
    disposition: &[u8],
    parameters: &[(&[u8], &[u8])],
    charset: &str,
    quote_fields: bool,
) -> Result<Vec<u8>, HeaderError> {
    if !is_token(disposition) {
        return Err(HeaderError::Name { name: shown(disposition) });
    }
    let mut header = disposition.to_vec();
    for (name, value) in parameters {
        if !is_token(name) {
            return Err(HeaderError::Name { name: shown(name) });
        }
        if let Some(byte) = control(value) {
            return Err(HeaderError::Control { what: shown(name), byte });
        }
        header.extend_from_slice(b"; ");
        header.extend_from_slice(name);
        let is_filename = name.eq_ignore_ascii_case(b"filename");
        if quote_fields && !is_filename && !value.is_ascii() {
            if !is_token(charset.as_bytes()) {
                return Err(HeaderError::Name { name: shown(charset.as_bytes()) });
            }
            header.extend_from_slice(b"*=");
            header.extend_from_slice(charset.as_bytes());
            header.extend_from_slice(b"''");
            percent_encode(value, &mut header);
            continue;
        }
        header.extend_from_slice(b"=\"");
        match (quote_fields, is_filename) {
            (true, true) => percent_encode(value, &mut header),
            (true, false) => {
                escape(value, &mut header, |byte| !matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~'))
            }
            (false, _) => escape(value, &mut header, |byte| matches!(byte, b'"' | b'\\')),
        }
        header.push(b'"');
    }
    Ok(header)
}

fn escape(value: &[u8], header: &mut Vec<u8>, needs: impl Fn(u8) -> bool) {
    for byte in value {
        if needs(*byte) {
            header.push(b'\\');
        }
        header.push(*byte);
    }
}

fn percent_encode(value: &[u8], header: &mut Vec<u8>) {
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"_.-~".contains(byte) {
            header.push(*byte);
        } else {
            header.extend_from_slice(percent_encoding::percent_encode_byte(*byte).as_bytes());
        }
    }
}
