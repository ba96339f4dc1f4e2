//! Who goes from a full jar. The rules are aiohttp's, which follow Firefox.

use super::store::Slot;
use super::{Jar, JarLimits, UnixTime};

impl Jar {
    /// Makes room for one more cookie of `domain`. `false`: it has to stay out, because its domain
    /// is full of Secure cookies and it is none.
    pub(super) fn make_room(&mut self, now: UnixTime, domain: &str, secure: bool) -> bool {
        let Some(limits) = self.settings.limits else { return true };
        if self.store.count(domain) >= limits.domain {
            return self.make_room_in_domain(now, domain, secure, &limits);
        }
        if self.store.len() >= limits.total {
            self.expire(now);
            self.settle_uses();
            let excess = self.store.len().saturating_sub(limits.total_quota);
            let mut all: Vec<_> = self
                .store
                .iter()
                .map(|(slot, stored)| (stored.used, stored.serial, slot))
                .collect();
            all.sort_unstable();
            self.evict(all.into_iter().take(excess).map(|(.., slot)| slot).collect());
        }
        true
    }

    /// Those that have ended go first, then those that are not Secure; a Secure one goes only for
    /// another. Of each kind, those that were not used for longest.
    fn make_room_in_domain(
        &mut self,
        now: UnixTime,
        domain: &str,
        secure: bool,
        limits: &JarLimits,
    ) -> bool {
        self.expire(now);
        self.settle_uses();
        let count = self.store.count(domain);
        let excess = (count + 1).saturating_sub(limits.domain_quota);
        if excess == 0 {
            return true;
        }
        let slots = self.store.domain(domain).into_iter().flat_map(|domain| &domain.buckets);
        let slots = slots.flat_map(|bucket| &bucket.slots).copied();
        let (secure_ones, others): (Vec<_>, Vec<_>) =
            slots.partition(|slot| self.store[*slot].is_secure());
        let mut candidates = others;
        if candidates.is_empty() {
            if count < limits.domain {
                return true;
            }
            if !secure {
                return false;
            }
            candidates = secure_ones;
        }
        candidates.sort_unstable_by_key(|slot| {
            let stored = &self.store[*slot];
            (stored.used, stored.path(), stored.name())
        });
        candidates.truncate(excess);
        self.evict(candidates);
        true
    }

    fn evict(&mut self, slots: Vec<Slot>) {
        for slot in slots {
            self.delete(slot);
        }
    }
}
