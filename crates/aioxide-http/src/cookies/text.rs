//! What Python means by a control character, by whitespace, by an integer.

/// The characters that no cookie may carry into a header.
pub(super) fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control())
}

/// `str.isspace`: Unicode's whitespace and the four ASCII separators.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// `str.strip`.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `int(text)` for ASCII digits: surrounding whitespace, a sign, single underscores between
/// digits. A number beyond the range is the end of the range on its side.
///
/// AIOHTTP: digits of other scripts are no digits here; RFC 6265 allows ASCII's only.
pub(super) fn integer(text: &str) -> Option<i64> {
    let text = strip(text);
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let mut number = 0_i64;
    let mut after_digit = false;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                number = number.saturating_mul(10).saturating_add(i64::from(byte - b'0'));
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => return None,
        }
    }
    after_digit.then_some(if negative { -number } else { number })
}
