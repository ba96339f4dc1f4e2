//! Which cookies a request carries.

use smallvec::SmallVec;

use super::store::{Slot, Stored};
use super::{Jar, JarLimits, Target, UnixTime};
use crate::cookies::header::CookieHeader;
use crate::cookies::target::is_ip_address;

/// Of the field's line, the part before the first cookie.
const FIELD: &str = "Cookie: ";

/// A cookie as it goes into a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// The name it is filed under.
    pub name: &'a str,
    /// The name it is sent under.
    pub key: &'a str,
    /// What a program reads.
    pub value: &'a str,
    /// What is sent.
    pub coded_value: &'a str,
}

/// Cookies by their places, those of the more specific domain and path later.
#[derive(Default)]
pub(super) struct Selection {
    pub(super) slots: SmallVec<[Slot; 16]>,
    /// Another path, which begins with a slash as well, may get other cookies.
    pub(super) depends_on_path: bool,
}

impl Jar {
    /// The value of the Cookie field for a request to `target`: sorted by name, as aiohttp does.
    /// `None`: there is nothing to send.
    pub fn header(&mut self, now: UnixTime, target: &Target<'_>) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        self.expire(now);
        let secure = self.is_secure(target);
        let place = match self.cache.find(secure, target) {
            Some(place) => place,
            None => {
                if self.cache.is_full() {
                    self.settle_uses();
                }
                let selection = self.selection(target, secure);
                let header = self.render(&selection);
                let cookies =
                    selection.slots.iter().map(|slot| (*slot, self.store[*slot].serial)).collect();
                let any_path = !selection.depends_on_path && target.path.starts_with('/');
                self.cache.keep(secure, target, any_path, header, cookies)
            }
        };
        let used = self.next_use();
        self.cache.used(place, used)
    }

    /// The cookies for a request to `target`, the most specific last: aiohttp's `filter_cookies`.
    pub fn select(&mut self, now: UnixTime, target: &Target<'_>) -> Vec<Sent<'_>> {
        if self.is_empty() {
            return Vec::new();
        }
        self.expire(now);
        let selection = self.selection(target, self.is_secure(target));
        let used = self.next_use();
        for slot in &selection.slots {
            self.store[*slot].used = used;
        }
        selection.slots.iter().map(|slot| Sent::of(&self.store[*slot])).collect()
    }

    fn render(&self, selection: &Selection) -> Option<String> {
        let mut header = CookieHeader::new();
        for slot in &selection.slots {
            let Sent { name, key, coded_value, .. } = Sent::of(&self.store[*slot]);
            header.set(name, key, coded_value);
        }
        // What cannot be sent was not taken into the jar.
        header.render().ok().flatten()
    }

    fn selection(&self, target: &Target<'_>, secure: bool) -> Selection {
        let mut selection = self.matches(target, secure);
        self.keep_last_of_each_name(&mut selection.slots);
        if let Some(limits) = &self.settings.limits {
            self.keep_within(limits, &mut selection.slots);
        }
        selection
    }

    /// Every cookie that is for `target`, the shared ones first.
    fn matches(&self, target: &Target<'_>, secure: bool) -> Selection {
        let mut selection = Selection::default();
        let shared = self.store.domain("").into_iter().flat_map(|shared| &shared.buckets);
        for bucket in shared.filter(|bucket| bucket.path.is_empty()) {
            let sendable = |slot: &&Slot| secure || !self.store[**slot].is_secure();
            selection.slots.extend(bucket.slots.iter().filter(sendable).copied());
        }
        let host = target.host.unwrap_or_default();
        if !is_ip_address(host) {
            for (dot, _) in host.rmatch_indices('.') {
                self.match_domain(&host[dot + 1..], target, secure, &mut selection);
            }
            self.match_domain(host, target, secure, &mut selection);
        } else if self.settings.accept_addresses {
            self.match_domain(host, target, secure, &mut selection);
        }
        selection
    }

    fn match_domain(
        &self,
        domain: &str,
        target: &Target<'_>,
        secure: bool,
        selection: &mut Selection,
    ) {
        let Some(cookies) = self.store.domain(domain) else { return };
        let is_host = target.host.unwrap_or_default() == domain;
        for bucket in &cookies.buckets {
            if domain.is_empty() && bucket.path.is_empty() {
                // Those are the shared ones.
                continue;
            }
            selection.depends_on_path |= !bucket.path.is_empty();
            let Some(rest) = target.path.strip_prefix(&*bucket.path) else { continue };
            if !(rest.is_empty() || rest.starts_with('/')) {
                continue;
            }
            for slot in &bucket.slots {
                let stored = &self.store[*slot];
                let slashes = stored.full_path().len() - bucket.path.len();
                selection.depends_on_path |= slashes > 1;
                // A path that ends with a slash is not for the one without.
                let is_for_path = rest.chars().take(slashes).count() == slashes;
                if is_for_path && (is_host || !stored.host_only) && (secure || !stored.is_secure())
                {
                    selection.slots.push(*slot);
                }
            }
        }
    }

    fn keep_last_of_each_name(&self, slots: &mut SmallVec<[Slot; 16]>) {
        if slots.len() < 2 {
            return;
        }
        let name = |place: usize| self.store[slots[place]].name();
        let mut places: SmallVec<[usize; 16]> = (0..slots.len()).rev().collect();
        // Stable: of equal names the last place stays first, and that is kept.
        places.sort_by(|one, other| name(*one).cmp(name(*other)));
        places.dedup_by(|one, other| name(*one) == name(*other));
        places.sort_unstable();
        *slots = places.into_iter().map(|place| slots[place]).collect();
    }

    /// If there are too many for a request, the most specific ones that fit.
    fn keep_within(&self, limits: &JarLimits, slots: &mut SmallVec<[Slot; 16]>) {
        let length = |slot: &Slot| self.store[*slot].sent_length() + 2;
        // The first one has no separator before it.
        let empty = FIELD.len() - 2;
        if slots.len() <= limits.request
            && empty + slots.iter().map(length).sum::<usize>() <= limits.header_length
        {
            return;
        }
        let (mut total, mut count) = (empty, 0);
        slots.reverse();
        slots.retain(|slot| {
            let fits = count < limits.request && total + length(slot) <= limits.header_length;
            if fits {
                total += length(slot);
                count += 1;
            }
            fits
        });
        slots.reverse();
    }
}

impl<'a> Sent<'a> {
    fn of(stored: &'a Stored) -> Self {
        Self {
            name: stored.name(),
            key: stored.cookie.key(),
            value: stored.cookie.value(),
            coded_value: stored.coded_value(),
        }
    }
}
