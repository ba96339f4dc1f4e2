//! Python's strings, bytes and small numbers, read from memory.

use pyo3::ffi;

use super::memory::{Memory, word_in};

/// Where every object has its type.
pub(crate) const TYPE: usize = std::mem::offset_of!(ffi::PyObject, ob_type);
/// Where an object of variable length has it.
const LENGTH: usize = std::mem::offset_of!(ffi::PyVarObject, ob_size);
/// Where the state of a string is, the same in 3.11 to 3.15.
const STATE: usize = 32;
/// How long the head of an ASCII string is; up to 3.11 there is one pointer more in it.
const ASCII_HEAD: usize = if cfg!(Py_3_12) { 40 } else { 48 };
/// As much as a string that is not ASCII has in addition: `utf8_length`, `utf8`, and up to 3.11
/// `wstr_length`.
const COMPACT_HEAD: usize = ASCII_HEAD + if cfg!(Py_3_12) { 16 } else { 24 };
/// Where the contents of a bytes object begin.
const BYTES: usize = 32;

/// Longer strings are cut to this.
const LONGEST: usize = 4096;
/// Longer line tables are not read: those of functions are a hundredth of it.
const LONGEST_TABLE: usize = 1 << 20;

/// The type of the object at `address`.
pub(crate) fn type_of(memory: &Memory, address: usize) -> Option<usize> {
    memory.word(address.checked_add(TYPE)?)
}

/// The text of the exact `str` at `address`.
pub(crate) fn text(memory: &Memory, address: usize) -> Option<String> {
    let head = memory.array::<ASCII_HEAD>(address)?;
    if word_in(&head, TYPE)? != (&raw const ffi::PyUnicode_Type).addr() {
        return None;
    }
    let length = word_in(&head, 16)?.min(LONGEST);
    let state = head[STATE];
    let (kind, compact, ascii) = ((state >> 2) & 7, state & 32 != 0, state & 64 != 0);
    if !compact {
        return None;
    }
    let start = address + if ascii { ASCII_HEAD } else { COMPACT_HEAD };
    let bytes = memory.bytes(start, length * usize::from(kind))?;
    let characters: Box<dyn Iterator<Item = u32>> = match kind {
        1 => Box::new(bytes.iter().map(|byte| u32::from(*byte))),
        2 => Box::new(
            bytes.chunks_exact(2).map(|two| u32::from(u16::from_ne_bytes([two[0], two[1]]))),
        ),
        4 => Box::new(
            bytes
                .chunks_exact(4)
                .map(|four| u32::from_ne_bytes([four[0], four[1], four[2], four[3]])),
        ),
        _ => return None,
    };
    Some(
        characters
            .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    )
}

/// The contents of the exact `bytes` at `address`.
pub(crate) fn bytes(memory: &Memory, address: usize) -> Option<Vec<u8>> {
    let head = memory.array::<BYTES>(address)?;
    if word_in(&head, TYPE)? != (&raw const ffi::PyBytes_Type).addr() {
        return None;
    }
    let length = word_in(&head, LENGTH)?;
    if length > LONGEST_TABLE {
        return None;
    }
    memory.bytes(address + BYTES, length)
}

/// The exact `int` at `address`, if it is positive and below 2^30.
pub(crate) fn small_int(memory: &Memory, address: usize) -> Option<u32> {
    let object = memory.array::<28>(address)?;
    let is_int = word_in(&object, TYPE)? == (&raw const ffi::PyLong_Type).addr();
    // One digit and no sign: from 3.12 on `lv_tag`, before `ob_size`.
    let tag = word_in(&object, 16)?;
    let one_digit = if cfg!(Py_3_12) { tag >> 3 == 1 && tag & 3 == 0 } else { tag == 1 };
    let digit = u32::from_ne_bytes([object[24], object[25], object[26], object[27]]);
    (is_int && one_digit).then_some(digit)
}
