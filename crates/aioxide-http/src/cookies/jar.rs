//! The jar: the cookies of a session.
//!
//! ```text
//!            update ──> place: which domain and path, for the host only?
//!                       deadline: when does it end?      ──> expirations, a heap
//!                       room: who goes, if it is full?   <── store, by domain and path
//!  header, select <──── matches, the last of each name, the limits of a request
//! ```
//!
//! A header that was rendered is kept for its scheme, host and path until a cookie comes, goes or
//! changes. Which cookies were used when decides who goes from a full jar, so a kept header counts
//! as a use of its cookies; that is noted with the header and brought to the cookies before anyone
//! is chosen to go.

mod cache;
mod eviction;
mod expirations;
mod saved;
mod selection;
mod store;
mod update;

use std::fmt;

use super::cookie::Cookie;
use super::set_cookie::SetCookieLimits;
use super::target::{Origin, Target, domain_matches, is_ip_address};
use super::time::UnixTime;
use cache::HeaderCache;
use expirations::Expirations;
use store::{Slot, Store};

pub use saved::SavedCookie;
pub use selection::Sent;

/// How much a jar holds and sends: aiohttp's numbers, which are Firefox's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JarLimits {
    /// Cookies of one domain, at which some of them go.
    pub domain: usize,
    /// Cookies of the domain when they have gone and the new one has come.
    pub domain_quota: usize,
    /// Cookies at which some go.
    pub total: usize,
    /// Cookies when they have gone.
    pub total_quota: usize,
    /// Cookies in one request.
    pub request: usize,
    /// Bytes of the line of a request that has the cookies, with the name of the field.
    pub header_length: usize,
}

impl Default for JarLimits {
    fn default() -> Self {
        Self {
            domain: 180,
            domain_quota: 150,
            total: 3300,
            total_quota: 3000,
            request: 150,
            header_length: 8190,
        }
    }
}

/// How a jar behaves.
#[derive(Clone, Debug)]
pub struct JarSettings {
    /// Takes cookies from hosts that are addresses and sends them there: aiohttp's `unsafe`.
    pub accept_addresses: bool,
    /// Quotes values that cannot stand in a header as they are.
    pub quote_cookie: bool,
    /// Origins that are as good as encrypted ones: aiohttp's `treat_as_secure_origin`.
    pub secure_origins: Vec<Origin>,
    /// `None` for the cookies that a program gives with one request, which know no limits.
    pub limits: Option<JarLimits>,
    /// What is taken from Set-Cookie.
    pub set_cookie: SetCookieLimits,
    /// How many rendered headers are kept.
    pub cached_headers: usize,
}

impl Default for JarSettings {
    fn default() -> Self {
        Self {
            accept_addresses: false,
            quote_cookie: true,
            secure_origins: Vec::new(),
            limits: Some(JarLimits::default()),
            set_cookie: SetCookieLimits::default(),
            cached_headers: 32,
        }
    }
}

/// What makes a cookie the same one when it comes again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The domain, without a dot before it; empty for a cookie shared by all hosts.
    pub domain: Box<str>,
    /// The path, without slashes at its end.
    pub path: Box<str>,
    /// The name it is filed under.
    pub name: Box<str>,
}

/// A cookie in the jar.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// As [`Identity::domain`].
    pub domain: &'a str,
    /// As [`Identity::path`].
    pub path: &'a str,
    /// As [`Identity::name`].
    pub name: &'a str,
    /// The cookie, its domain and path filled in.
    pub cookie: &'a Cookie,
    /// No Domain was given: not for the hosts below its own.
    pub host_only: bool,
    /// When it ends.
    pub expires_at: Option<UnixTime>,
}

impl Entry<'_> {
    /// What names it for [`Jar::remove`].
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { domain: self.domain.into(), path: self.path.into(), name: self.name.into() }
    }
}

/// The cookies of a session. Pure: the time is an argument.
pub struct Jar {
    settings: JarSettings,
    store: Store,
    expirations: Expirations,
    cache: HeaderCache,
    /// Counts uses: a cookie's `used` is the count at its last one.
    uses: u64,
    /// Counts changes.
    generation: u64,
}

impl Jar {
    /// An empty jar.
    #[must_use]
    pub fn new(settings: JarSettings) -> Self {
        let cache = HeaderCache::new(settings.cached_headers);
        Self {
            settings,
            store: Store::default(),
            expirations: Expirations::default(),
            cache,
            uses: 0,
            generation: 0,
        }
    }

    /// How it behaves.
    #[must_use]
    pub fn settings(&self) -> &JarSettings {
        &self.settings
    }

    /// How many cookies there are. Those that have ended count until something looks at them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.store.len() == 0
    }

    /// Another number after each change of what is in the jar.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The cookies in aiohttp's order: by when their domain and path came first, then by when
    /// they did. Those that have ended may be among them; [`Jar::expire`] takes them out.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<'_>> {
        self.store.in_order().into_iter().map(|slot| self.entry(slot)).collect()
    }

    /// Takes out the cookies that have ended.
    pub fn expire(&mut self, now: UnixTime) {
        while let Some((slot, serial, when)) = self.expirations.pop_due(now) {
            let stored = self.store.named(slot, serial);
            if stored.is_some_and(|stored| stored.expires_at == Some(when)) {
                self.delete(slot);
            }
        }
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.changed();
        self.store = Store::default();
        self.expirations = Expirations::default();
    }

    /// Takes out the cookies that have ended and those that `unwanted` says. It sees each of the
    /// others once.
    pub fn clear_if(&mut self, now: UnixTime, mut unwanted: impl FnMut(&Entry<'_>) -> bool) {
        for slot in self.store.in_order() {
            let entry = self.entry(slot);
            let goes = entry.expires_at.is_some_and(|end| end <= now) || unwanted(&entry);
            if goes {
                self.delete(slot);
            }
        }
    }

    /// Takes out the cookies of a domain and of those below, and those that have ended.
    pub fn clear_domain(&mut self, now: UnixTime, domain: &str) {
        self.clear_if(now, |entry| domain_matches(domain, entry.domain));
    }

    /// Takes these out, as far as they are there.
    pub fn remove<'a>(&mut self, identities: impl IntoIterator<Item = &'a Identity>) {
        for Identity { domain, path, name } in identities {
            if let Some(slot) = self.store.find(domain, path, name) {
                self.delete(slot);
            }
        }
    }

    fn entry(&self, slot: Slot) -> Entry<'_> {
        let stored = &self.store[slot];
        Entry {
            domain: stored.domain(),
            path: stored.path(),
            name: stored.name(),
            cookie: &stored.cookie,
            host_only: stored.host_only,
            expires_at: stored.expires_at,
        }
    }

    fn delete(&mut self, slot: Slot) {
        self.changed();
        if let Some(stored) = self.store.remove(slot) {
            self.expirations.count(stored.expires_at, None);
        }
    }

    /// What is sent may be different from now on.
    fn changed(&mut self) {
        self.generation += 1;
        self.settle_uses();
        self.cache.clear();
    }

    /// Brings to the cookies the uses that were noted with kept headers.
    fn settle_uses(&mut self) {
        for (slot, serial, used) in self.cache.take_uses() {
            if let Some(stored) = self.store.named_mut(slot, serial) {
                stored.used = stored.used.max(used);
            }
        }
    }

    /// Cookies with the attribute Secure go there.
    fn is_secure(&self, target: &Target<'_>) -> bool {
        target.is_secure() || self.settings.secure_origins.iter().any(|origin| origin.is_of(target))
    }

    /// Cookies are neither taken from there nor sent.
    fn is_refused(&self, target: &Target<'_>) -> bool {
        !self.settings.accept_addresses && target.host.is_some_and(is_ip_address)
    }
}

impl fmt::Debug for Jar {
    /// Without the cookies, which are secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Jar")
            .field("settings", &self.settings)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Default for Jar {
    fn default() -> Self {
        Self::new(JarSettings::default())
    }
}
