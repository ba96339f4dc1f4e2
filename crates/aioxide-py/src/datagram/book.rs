//! The addresses that a loop's datagrams came from and go to, as objects and as the kernel has
//! them: making either from the other takes longer than the rest of what a datagram costs here.

use super::address::{Family, RawAddress, hash};
use crate::ffi::Ref;

const LEAST: usize = 16;
const MOST: usize = 2048;

/// One address.
#[derive(Clone, Debug)]
struct Entry {
    raw: RawAddress,
    /// Its object, of which only exact tuples, strings and numbers are made: it never changes.
    object: Ref,
    /// For a socket of this family: the same tuple means another address to another one.
    family: Family,
}

/// Two tables, each with one place for each hash. A newcomer takes the place of who has it. What
/// they hold goes with the last endpoint.
#[derive(Debug)]
pub(crate) struct AddressBook {
    /// How many endpoints there are.
    users: usize,
    by_address: Table,
    by_object: Table,
}

#[derive(Debug)]
struct Table {
    places: Vec<Option<Entry>>,
    count: usize,
}

/// What left the book, to be dropped by the caller.
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Evicted([Option<Ref>; 2]);

impl Table {
    const fn new() -> Self {
        Self { places: Vec::new(), count: 0 }
    }

    #[inline]
    fn place(&self, hash: u64) -> usize {
        hash as usize & (self.places.len() - 1)
    }

    #[inline]
    fn find(&self, hash: u64, matches: impl FnOnce(&Entry) -> bool) -> Option<&Entry> {
        if self.places.is_empty() {
            return None;
        }
        self.places[self.place(hash)].as_ref().filter(|entry| matches(entry))
    }

    fn insert(&mut self, entry: Entry, hash_of: impl Fn(&Entry) -> u64) -> Option<Ref> {
        let size = self.places.len();
        if (self.count + 1) * 2 > size && size < MOST {
            // Twice as large, so no two meet that did not before.
            let old = std::mem::take(&mut self.places);
            self.places.resize((size * 2).max(LEAST), None);
            for entry in old.into_iter().flatten() {
                let place = self.place(hash_of(&entry));
                self.places[place] = Some(entry);
            }
        }
        let place = self.place(hash_of(&entry));
        let old = self.places[place].replace(entry);
        self.count += usize::from(old.is_none());
        old.map(|entry| entry.object)
    }
}

fn hash_of_object(object: usize) -> u64 {
    hash(&object.to_ne_bytes())
}

impl AddressBook {
    pub(crate) const fn new() -> Self {
        Self { users: 0, by_address: Table::new(), by_object: Table::new() }
    }

    /// There is one endpoint more.
    pub(super) fn join(&mut self) {
        self.users += 1;
    }

    /// There is one less. Returns what was held for the last one, to be dropped by the caller.
    pub(super) fn leave(&mut self) -> Option<Self> {
        self.users = self.users.saturating_sub(1);
        (self.users == 0).then(|| self.take())
    }

    /// The object of an address.
    #[inline]
    pub(super) fn object(&self, raw: &[u8]) -> Option<Ref> {
        let entry = self.by_address.find(hash(raw), |entry| entry.raw.as_bytes() == raw)?;
        Some(entry.object.clone())
    }

    /// The address of an object, for a socket of this family.
    #[inline]
    pub(super) fn raw(&self, object: usize, family: Family) -> Option<RawAddress> {
        let same =
            |entry: &Entry| entry.object.as_ptr() as usize == object && entry.family == family;
        self.by_object.find(hash_of_object(object), same).map(|entry| entry.raw)
    }

    /// Notes that datagrams come from `raw`, of which `object` was made.
    pub(super) fn came(&mut self, raw: RawAddress, object: &Ref, family: Family) -> Evicted {
        let entry = Entry { raw, object: object.clone(), family };
        let first = self.by_address.insert(entry, |entry| entry.raw.hash());
        let Evicted([second, _]) = self.goes(raw, object, family);
        Evicted([first, second])
    }

    /// Notes that datagrams go to `object`, which is `raw`.
    pub(super) fn goes(&mut self, raw: RawAddress, object: &Ref, family: Family) -> Evicted {
        let entry = Entry { raw, object: object.clone(), family };
        let old =
            self.by_object.insert(entry, |entry| hash_of_object(entry.object.as_ptr() as usize));
        Evicted([old, None])
    }

    /// Takes everything out, to be dropped by the caller.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }
}
