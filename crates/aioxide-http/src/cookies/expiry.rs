//! When a cookie ends.

use super::attributes::{Attribute, AttributeValue, Attributes};
use super::date::parse_date;
use super::text::integer;
use super::time::UnixTime;

/// The last second of the year 9999: Max-Age reaches no further, so Python can make a date of it.
const LAST_END: UnixTime = UnixTime::from_secs(253_402_300_799);

/// When a cookie with these attributes ends: by Max-Age, else by Expires, else never. A value that
/// means nothing is taken away; an Expires beside a senseless Max-Age does not count.
pub(super) fn deadline(attributes: &mut Attributes, now: UnixTime) -> Option<UnixTime> {
    if attributes.is_true(Attribute::MaxAge) {
        let seconds = match attributes.value(Attribute::MaxAge) {
            Some(AttributeValue::Text(text)) => integer(text),
            Some(AttributeValue::Integer(seconds)) => Some(*seconds),
            Some(AttributeValue::Flag(flag)) => Some(i64::from(*flag)),
            None => None,
        };
        return match seconds {
            Some(seconds) if seconds > 0 => Some(now.after_secs(seconds).min(LAST_END)),
            Some(_) => Some(UnixTime::EPOCH),
            None => {
                attributes.unset(Attribute::MaxAge);
                None
            }
        };
    }
    if !attributes.is_true(Attribute::Expires) {
        return None;
    }
    // AIOHTTP: there a date of 0, the beginning of 1970, is no date (`_update_cookies` tests for
    // truth), so the commonest way to delete a cookie keeps it. Here it ends.
    let end = parse_date(attributes.text(Attribute::Expires));
    if end.is_none() {
        attributes.unset(Attribute::Expires);
    }
    end
}
