//! Socket addresses as the kernel has them, and as Python has them.

use std::ffi::OsStr;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString, PyTuple};

use crate::ffi::Ref;

/// A `sockaddr_un` is the longest.
pub(super) const SIZE: usize = 112;

/// Where the fields begin.
const PORT: usize = 2;
const IPV4: usize = 4;
const FLOW: usize = 4;
const IPV6: usize = 8;
const SCOPE: usize = 24;
const PATH: usize = 2;

const LENGTH_IPV4: usize = 16;
const LENGTH_IPV6: usize = 28;
/// The longest path, with its final zero.
const LENGTH_PATH: usize = 108;
const LONGEST_FLOW: u32 = 0xf_ffff;

/// Which addresses a socket has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Ipv4,
    Ipv6,
    Unix,
}

impl Family {
    /// `None` for those that CPython's transport serves.
    pub(super) fn of_number(number: i32) -> Option<Self> {
        match number {
            libc::AF_INET => Some(Self::Ipv4),
            libc::AF_INET6 => Some(Self::Ipv6),
            libc::AF_UNIX => Some(Self::Unix),
            _ => None,
        }
    }
}

/// A `sockaddr` of one of these families.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct RawAddress {
    bytes: [u8; SIZE],
    length: usize,
}

impl fmt::Debug for RawAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawAddress({:?})", self.as_bytes())
    }
}

impl PartialEq for RawAddress {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl RawAddress {
    /// The address in `bytes`; what is longer than any of its kind is cut.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let length = bytes.len().min(SIZE);
        let mut address = Self { bytes: [0; SIZE], length };
        address.bytes[..length].copy_from_slice(&bytes[..length]);
        address
    }

    fn new(family: i32, length: usize) -> Self {
        let mut address = Self { bytes: [0; SIZE], length };
        address.put(0, &(family as u16).to_ne_bytes());
        address
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(super) fn hash(&self) -> u64 {
        hash(self.as_bytes())
    }

    fn put(&mut self, at: usize, field: &[u8]) {
        self.bytes[at..at + field.len()].copy_from_slice(field);
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|index| self.bytes[at + index])
    }

    fn family(&self) -> i32 {
        i32::from(u16::from_ne_bytes(self.field(0)))
    }

    fn port(&self) -> u16 {
        u16::from_be_bytes(self.field(PORT))
    }

    /// The object that `socket.recvfrom()` gives for it; `None` when there is no address.
    pub(super) fn to_python(self, py: Python<'_>) -> PyResult<Ref> {
        let object = match self.family() {
            libc::AF_INET if self.length >= LENGTH_IPV4 => {
                let host = Ipv4Addr::from(self.field::<4>(IPV4)).to_string();
                (host, self.port()).into_pyobject(py)?.into_any()
            }
            libc::AF_INET6 if self.length >= LENGTH_IPV6 => {
                let host = ipv6_text(Ipv6Addr::from(self.field::<16>(IPV6)));
                let flow = u32::from_be_bytes(self.field(FLOW));
                let scope = u32::from_ne_bytes(self.field(SCOPE));
                (host, self.port(), flow, scope).into_pyobject(py)?.into_any()
            }
            libc::AF_UNIX if self.length >= PATH => {
                let path = &self.as_bytes()[PATH..];
                if path.first() == Some(&0) {
                    PyBytes::new(py, path).into_any()
                } else {
                    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
                    OsStr::from_bytes(&path[..end]).into_pyobject(py)?.into_any()
                }
            }
            _ => return Ok(Ref::none(py)),
        };
        Ok(object.into())
    }

    /// The address that a program gives for a socket of this family. `None` for what
    /// `socket.sendto()` had better look at: host names, and whatever is wrong.
    pub(super) fn of_python(family: Family, object: Borrowed<'_, '_, PyAny>) -> Option<Self> {
        match family {
            Family::Ipv4 => Self::of_pair(object),
            Family::Ipv6 => Self::of_four(object),
            Family::Unix => Self::of_path(object),
        }
    }

    fn of_pair(object: Borrowed<'_, '_, PyAny>) -> Option<Self> {
        let tuple = object.cast_exact::<PyTuple>().ok()?;
        if tuple.len() != 2 {
            return None;
        }
        let mut address = Self::new(libc::AF_INET, LENGTH_IPV4);
        let host: Ipv4Addr = host(&tuple)?;
        address.put(PORT, &number::<u16>(&tuple, 1)?.to_be_bytes());
        address.put(IPV4, &host.octets());
        Some(address)
    }

    fn of_four(object: Borrowed<'_, '_, PyAny>) -> Option<Self> {
        let tuple = object.cast_exact::<PyTuple>().ok()?;
        let count = tuple.len();
        if !(2..=4).contains(&count) {
            return None;
        }
        let mut address = Self::new(libc::AF_INET6, LENGTH_IPV6);
        let host: Ipv6Addr = host(&tuple)?;
        address.put(PORT, &number::<u16>(&tuple, 1)?.to_be_bytes());
        address.put(IPV6, &host.octets());
        if count > 2 {
            let flow = number::<u32>(&tuple, 2).filter(|flow| *flow <= LONGEST_FLOW)?;
            address.put(FLOW, &flow.to_be_bytes());
        }
        if count > 3 {
            address.put(SCOPE, &number::<u32>(&tuple, 3)?.to_ne_bytes());
        }
        Some(address)
    }

    /// A path in ASCII: what else there is depends on the encoding of file names.
    fn of_path(object: Borrowed<'_, '_, PyAny>) -> Option<Self> {
        let (text, bytes) = (object.cast_exact::<PyString>(), object.cast_exact::<PyBytes>());
        let path = match (&text, &bytes) {
            (Ok(text), _) => text.to_str().ok().filter(|text| text.is_ascii())?.as_bytes(),
            (_, Ok(bytes)) => bytes.as_bytes(),
            _ => return None,
        };
        // An abstract address is as long as it is, a path ends with a zero.
        let end = usize::from(*path.first()? != 0);
        if path.len() + end > LENGTH_PATH || (end == 1 && path.contains(&0)) {
            return None;
        }
        let mut address = Self::new(libc::AF_UNIX, PATH + path.len() + end);
        address.put(PATH, path);
        Some(address)
    }
}

/// As `inet_ntop` of the C library, which writes the last 32 bits after 96 zeros as an IPv4 address.
fn ipv6_text(host: Ipv6Addr) -> String {
    let words = host.segments();
    if words[..6].iter().all(|word| *word == 0) && words[6] != 0 {
        let [.., a, b, c, d] = host.octets();
        return format!("::{}", Ipv4Addr::new(a, b, c, d));
    }
    host.to_string()
}

fn host<T: std::str::FromStr>(tuple: &Bound<'_, PyTuple>) -> Option<T> {
    let host = tuple.get_borrowed_item(0).ok()?;
    host.cast_exact::<PyString>().ok()?.to_str().ok()?.parse().ok()
}

fn number<T: for<'a, 'py> FromPyObject<'a, 'py>>(
    tuple: &Bound<'_, PyTuple>,
    index: usize,
) -> Option<T> {
    let number = tuple.get_borrowed_item(index).ok()?;
    number.cast_exact::<PyInt>().ok()?.extract().ok()
}

/// Quick, and the same for equal bytes: who sends may choose them, and can only make his own
/// addresses be looked up again.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0_u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    hash ^ (hash >> 32)
}
