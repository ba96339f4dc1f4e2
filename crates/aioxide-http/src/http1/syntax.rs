//! Which bytes may stand where (RFC 9110, section 5; RFC 9112, section 3).

/// `tchar`: what methods and names of fields are made of.
const TOKEN: [bool; 256] = token_table();

const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let special = b"!#$%&'*+-.^_`|~";
    let mut index = 0;
    while index < special.len() {
        table[special[index] as usize] = true;
        index += 1;
    }
    table
}

/// Where `bytes` stops to be a token. `Some(0)` when it is empty: a token has one byte at least.
#[inline]
pub(super) fn not_token(bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() {
        return Some(0);
    }
    bytes.iter().position(|byte| !TOKEN[*byte as usize])
}

/// Whether `byte` may stand in the value of a field: no control character but HTAB.
#[inline]
pub(super) const fn is_value_byte(byte: u8) -> bool {
    (byte >= 0x20 && byte != 0x7f) || byte == b'\t'
}

/// Where the first byte is that may not stand in the value of a field.
#[inline]
pub(super) fn not_value(bytes: &[u8]) -> Option<usize> {
    // Without a way out of the loop the compiler looks at many bytes at a time.
    let valid = bytes.iter().fold(true, |valid, byte| valid & is_value_byte(*byte));
    if valid { None } else { bytes.iter().position(|byte| !is_value_byte(*byte)) }
}

/// Where the first byte is that may not stand in the target of a request: a control character or
/// a space. `Some(0)` when it is empty. Bytes beyond ASCII pass: the caller may have an URL that is
/// not quoted, which servers take as UTF-8.
#[inline]
pub(super) fn not_target(bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() {
        return Some(0);
    }
    bytes.iter().position(|byte| *byte <= 0x20 || *byte == 0x7f)
}

/// Takes SP and HTAB off both ends.
#[inline]
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// Takes SP and HTAB off the beginning.
#[inline]
pub(super) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Takes SP and HTAB off the end.
#[inline]
pub(super) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
