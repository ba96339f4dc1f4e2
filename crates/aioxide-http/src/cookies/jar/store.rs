//! Where the cookies are: a slab, and on it an index by domain, path and name.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

use crate::cookies::attributes::Attribute;
use crate::cookies::cookie::Cookie;
use crate::cookies::time::UnixTime;

/// A place in the slab. It is used again when its cookie has gone: what is kept longer has the
/// cookie's serial beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(u32);

/// A cookie with what the jar knows about it.
#[derive(Debug)]
pub(super) struct Stored {
    /// Given when its identity came, and kept when the cookie is replaced.
    pub(super) serial: u64,
    /// The jar's count of uses at the last one.
    pub(super) used: u64,
    /// `None`: its key.
    pub(super) filed_under: Option<Box<str>>,
    pub(super) cookie: Cookie,
    /// What is sent instead of the coded value.
    pub(super) sent: Option<Box<str>>,
    pub(super) host_only: bool,
    pub(super) expires_at: Option<UnixTime>,
}

impl Stored {
    pub(super) fn name(&self) -> &str {
        self.filed_under.as_deref().unwrap_or_else(|| self.cookie.key())
    }

    pub(super) fn domain(&self) -> &str {
        self.cookie.attributes.text(Attribute::Domain)
    }

    pub(super) fn path(&self) -> &str {
        self.full_path().trim_end_matches('/')
    }

    pub(super) fn full_path(&self) -> &str {
        self.cookie.attributes.text(Attribute::Path)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.cookie.attributes.is_true(Attribute::Secure)
    }

    pub(super) fn coded_value(&self) -> &str {
        self.sent.as_deref().unwrap_or_else(|| self.cookie.coded_value())
    }

    /// Bytes of `name=value`.
    pub(super) fn sent_length(&self) -> usize {
        self.cookie.key().len() + 1 + self.coded_value().len()
    }
}

/// The cookies of one path.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) path: Box<str>,
    /// Given when the bucket came.
    serial: u64,
    /// In the order in which they came.
    pub(super) slots: Vec<Slot>,
}

/// The cookies of one domain.
#[derive(Debug, Default)]
pub(super) struct Domain {
    count: usize,
    /// None is empty. Shorter paths first.
    pub(super) buckets: Vec<Bucket>,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    slots: Vec<Option<Stored>>,
    free: Vec<Slot>,
    len: usize,
    /// For cookies and buckets.
    next_serial: u64,
    /// None is empty.
    domains: BTreeMap<Box<str>, Domain>,
}

impl Store {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn domain(&self, domain: &str) -> Option<&Domain> {
        self.domains.get(domain)
    }

    /// How many cookies the domain has.
    pub(super) fn count(&self, domain: &str) -> usize {
        self.domains.get(domain).map_or(0, |domain| domain.count)
    }

    pub(super) fn find(&self, domain: &str, path: &str, name: &str) -> Option<Slot> {
        let buckets = &self.domains.get(domain)?.buckets;
        let bucket = buckets.iter().find(|bucket| *bucket.path == *path)?;
        bucket.slots.iter().copied().find(|slot| self[*slot].name() == name)
    }

    /// The cookie in `slot`, if it is still the one of that serial.
    pub(super) fn named(&self, slot: Slot, serial: u64) -> Option<&Stored> {
        self.slots.get(slot.0 as usize)?.as_ref().filter(|stored| stored.serial == serial)
    }

    pub(super) fn named_mut(&mut self, slot: Slot, serial: u64) -> Option<&mut Stored> {
        self.slots.get_mut(slot.0 as usize)?.as_mut().filter(|stored| stored.serial == serial)
    }

    /// Every cookie.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Stored)> {
        (0..).zip(&self.slots).filter_map(|(slot, stored)| Some((Slot(slot), stored.as_ref()?)))
    }

    /// Buckets by when they came; in each, the cookies by when they came.
    pub(super) fn in_order(&self) -> Vec<Slot> {
        let mut buckets: Vec<_> =
            self.domains.values().flat_map(|domain| &domain.buckets).collect();
        buckets.sort_unstable_by_key(|bucket| bucket.serial);
        buckets.into_iter().flat_map(|bucket| &bucket.slots).copied().collect()
    }

    /// Adds a cookie whose identity is not there and gives it its serial. `None` if there are 2^32
    /// cookies.
    pub(super) fn insert(&mut self, mut stored: Stored) -> Option<Slot> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = Slot(u32::try_from(self.slots.len()).ok()?);
                self.slots.push(None);
                slot
            }
        };
        stored.serial = self.serial();
        if !self.domains.contains_key(stored.domain()) {
            self.domains.insert(stored.domain().into(), Domain::default());
        }
        let bucket_serial = self.serial();
        if let Some(domain) = self.domains.get_mut(stored.domain()) {
            domain.count += 1;
            domain.file(stored.path(), bucket_serial, slot);
        }
        self.slots[slot.0 as usize] = Some(stored);
        self.len += 1;
        Some(slot)
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Stored> {
        let stored = self.slots.get_mut(slot.0 as usize)?.take()?;
        self.len -= 1;
        self.free.push(slot);
        if let Some(domain) = self.domains.get_mut(stored.domain()) {
            domain.count -= 1;
            domain.unfile(stored.path(), slot);
            if domain.count == 0 {
                self.domains.remove(stored.domain());
            }
        }
        if self.len == 0 {
            self.slots.clear();
            self.free.clear();
        }
        Some(stored)
    }

    fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }
}

impl Domain {
    fn file(&mut self, path: &str, serial: u64, slot: Slot) {
        if let Some(bucket) = self.buckets.iter_mut().find(|bucket| *bucket.path == *path) {
            bucket.slots.push(slot);
            return;
        }
        let place = self.buckets.partition_point(|bucket| bucket.path.len() <= path.len());
        self.buckets.insert(place, Bucket { path: path.into(), serial, slots: vec![slot] });
    }

    fn unfile(&mut self, path: &str, slot: Slot) {
        if let Some(place) = self.buckets.iter().position(|bucket| *bucket.path == *path) {
            let slots = &mut self.buckets[place].slots;
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.buckets.remove(place);
            }
        }
    }
}

/// A slot of the index: there is a cookie in it.
impl Index<Slot> for Store {
    type Output = Stored;

    fn index(&self, slot: Slot) -> &Stored {
        // PANIC: `insert` fills a slot before the index has it, `remove` takes it from the index.
        self.slots[slot.0 as usize].as_ref().expect("the index holds slots with cookies only")
    }
}

impl IndexMut<Slot> for Store {
    fn index_mut(&mut self, slot: Slot) -> &mut Stored {
        self.slots[slot.0 as usize].as_mut().expect("the index holds slots with cookies only")
    }
}
