//! Which line an instruction belongs to: `co_linetable`, which CPython describes in
//! `Objects/locations.md`. The same format in 3.11 to 3.15.

/// The line of the instruction at `unit` (in code units of two bytes); `None` when it has none, or
/// the table does not reach it.
pub(crate) fn line_of(table: &[u8], first: i32, unit: usize) -> Option<i32> {
    let mut line = first;
    let mut end = 0;
    let mut rest = table;
    while let Some((head, tail)) = rest.split_first() {
        // The bytes of an entry after its first have no high bit.
        let length = tail.iter().position(|byte| byte & 0x80 != 0).unwrap_or(tail.len());
        let (entry, tail) = tail.split_at(length);
        rest = tail;
        let kind = (head >> 3) & 15;
        line = line.checked_add(match kind {
            10..=12 => i32::from(kind) - 10,
            13 | 14 => signed(entry)?,
            _ => 0,
        })?;
        end += usize::from(head & 7) + 1;
        if unit < end {
            return (kind != 15).then_some(line);
        }
    }
    None
}

/// The first number of an entry: six bits a byte, the lowest first, the sign in the lowest of all.
fn signed(entry: &[u8]) -> Option<i32> {
    let mut value: u32 = 0;
    for (index, byte) in entry.iter().enumerate().take(5) {
        value |= u32::from(byte & 63) << (6 * index);
        if byte & 64 == 0 {
            let magnitude = i32::try_from(value >> 1).ok()?;
            return Some(if value & 1 == 0 { magnitude } else { -magnitude });
        }
    }
    None
}
