//! Dates as servers write them: the lenient parsing of RFC 6265, 5.1.1.

use super::time::UnixTime;

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// What was found so far. A part is taken from the first token that can be it.
#[derive(Default)]
struct Parts {
    time: Option<(u32, u32, u32)>,
    day: Option<u32>,
    month: Option<u32>,
    year: Option<u32>,
}

/// The point in time that `text` means, if it has a time, a day, a month and a year in some order.
///
/// A day that the month does not have counts on into the next, as Python's `calendar.timegm` does.
#[must_use]
pub fn parse_date(text: &str) -> Option<UnixTime> {
    let mut parts = Parts::default();
    for token in text.split(|character| !is_token(character)).filter(|token| !token.is_empty()) {
        parts.take(token.as_bytes());
    }
    let (hour, minute, second) = parts.time?;
    let (day, month) = (parts.day?, parts.month?);
    let year = match parts.year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    if !(1..=31).contains(&day) || year < 1601 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_before(i64::from(year), i64::from(month)) + i64::from(day) - 1;
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(UnixTime::from_secs(days * 86_400 + seconds))
}

fn is_token(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x08' | '\x0a'..='\x1f' | '0'..='9' | ':' | 'a'..='z' | 'A'..='Z' | '\x7f'..='\u{ff}'
    )
}

impl Parts {
    fn take(&mut self, token: &[u8]) {
        if self.time.is_none() {
            self.time = time(token);
            if self.time.is_some() {
                return;
            }
        }
        if self.day.is_none() {
            self.day = digits(token, 1, 2).map(|(day, _)| day);
            if self.day.is_some() {
                return;
            }
        }
        if self.month.is_none() {
            self.month = month(token);
            if self.month.is_some() {
                return;
            }
        }
        if self.year.is_none() {
            self.year = digits(token, 2, 4).map(|(year, _)| year);
        }
    }
}

/// A number of `least` to `most` digits at the beginning, and what is behind it.
fn digits(token: &[u8], least: usize, most: usize) -> Option<(u32, &[u8])> {
    let length = token.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if length < least {
        return None;
    }
    let (digits, rest) = token.split_at(length);
    Some((digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')), rest))
}

fn time(token: &[u8]) -> Option<(u32, u32, u32)> {
    let (hour, rest) = digits(token, 1, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?, 1, 2)?;
    let (second, _) = digits(rest.strip_prefix(b":")?, 1, 2)?;
    Some((hour, minute, second))
}

fn month(token: &[u8]) -> Option<u32> {
    let name = token.get(..3)?;
    (1..).zip(MONTHS).find(|(_, month)| name.eq_ignore_ascii_case(*month)).map(|(number, _)| number)
}

/// Days from the beginning of 1970 to that of the month, in the Gregorian calendar; `year` is
/// positive. Years are counted from March, so that a leap day is the last of its year.
fn days_before(year: i64, month: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_of_months = (153 * month + 2) / 5;
    year * 365 + year / 4 - year / 100 + year / 400 + days_of_months - 719_468
}
