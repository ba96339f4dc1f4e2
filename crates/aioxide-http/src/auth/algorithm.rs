//! The hash functions of Digest, by the names that servers give them.

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

/// An algorithm of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Algorithm {
    hash: Hash,
    /// The nonces are part of what stands for the password: `-sess`.
    pub(super) session: bool,
}

impl Algorithm {
    /// That of a challenge that names none.
    pub(super) const DEFAULT: &str = "MD5";

    /// The one of that name, in whatever case, with or without the dash before the length.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        let (hash, session) = match name.strip_suffix("-SESS") {
            Some(hash) => (hash, true),
            None => (&*name, false),
        };
        let hash = match hash {
            "MD5" => Hash::Md5,
            "SHA" => Hash::Sha1,
            "SHA256" | "SHA-256" => Hash::Sha256,
            "SHA512" | "SHA-512" => Hash::Sha512,
            _ => return None,
        };
        Some(Self { hash, session })
    }

    /// The hash of the parts with colons between, in hexadecimal digits.
    pub(super) fn hash(self, parts: &[&[u8]]) -> String {
        match self.hash {
            Hash::Md5 => hash_with::<Md5>(parts),
            Hash::Sha1 => hash_with::<Sha1>(parts),
            Hash::Sha256 => hash_with::<Sha256>(parts),
            Hash::Sha512 => hash_with::<Sha512>(parts),
        }
    }
}

fn hash_with<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hash = D::new();
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hex(&hash.finalize())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}
