//! Basic: a login and a password, in Base64. RFC 7617.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use thiserror::Error;

/// As Python's `base64.b64decode(validate=True)`: padding where it belongs, and no look at the
/// bits that are left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Why credentials are none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BasicError {
    /// A program gave a login with a colon, where the password would begin.
    #[error("a login cannot have a colon in it")]
    ColonInLogin,
    /// A header without a space behind the scheme.
    #[error("no credentials behind the scheme")]
    NoCredentials,
    /// A header of another scheme.
    #[error("credentials of the scheme {0:?}, which is not Basic")]
    OtherScheme(String),
    /// What is behind the scheme is not Base64.
    #[error("credentials that are not Base64")]
    NotBase64,
    /// What was in Base64 has no colon.
    #[error("credentials without a colon between login and password")]
    NoColon,
}

/// The value of an Authorization header. The caller has encoded both parts: aiohttp's `BasicAuth`
/// takes Latin-1, its `encode_basic_auth` UTF-8.
///
/// # Errors
/// The login has a colon in it.
pub fn encode_basic(login: &[u8], password: &[u8]) -> Result<String, BasicError> {
    if login.contains(&b':') {
        return Err(BasicError::ColonInLogin);
    }
    let mut header = String::from("Basic ");
    BASE64.encode_string([login, b":", password].concat(), &mut header);
    Ok(header)
}

/// The login and the password in the value of an Authorization header, still encoded.
///
/// # Errors
/// The header is not one of Basic.
pub fn decode_basic(header: &str) -> Result<(Vec<u8>, Vec<u8>), BasicError> {
    let (scheme, credentials) = header.split_once(' ').ok_or(BasicError::NoCredentials)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(BasicError::OtherScheme(scheme.to_owned()));
    }
    let mut login = BASE64.decode(credentials).map_err(|_| BasicError::NotBase64)?;
    let colon = memchr::memchr(b':', &login).ok_or(BasicError::NoColon)?;
    let password = login.split_off(colon + 1);
    login.truncate(colon);
    Ok((login, password))
}

/// A part of a URL's userinfo as it is meant: escapes decoded as UTF-8. Escapes that are no UTF-8
/// stay, in capitals, as `yarl` leaves them.
#[must_use]
pub fn decode_userinfo(part: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(part).collect();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(percent_encoding::percent_encode_byte(*byte));
        }
    }
    text
}
