//! A jar as plain data, to be written to a file and read from one.

use super::{Jar, Target, UnixTime};
use crate::cookies::attributes::Attribute;
use crate::cookies::cookie::Cookie;

/// A cookie of a jar as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCookie {
    /// The domain it is filed under.
    pub domain: Box<str>,
    /// The path it is filed under, without slashes at its end.
    pub path: Box<str>,
    /// The name it is filed under.
    pub name: Box<str>,
    /// The cookie. What was saved has no Max-Age and no Expires.
    pub cookie: Cookie,
    /// No Domain was given. Without this the cookie would come back as one for the hosts below,
    /// too.
    pub host_only: bool,
    /// When it ends.
    pub expires_at: Option<UnixTime>,
}

impl Jar {
    /// What is in the jar.
    #[must_use]
    pub fn save(&self) -> Vec<SavedCookie> {
        let saved = |entry: super::Entry<'_>| {
            let mut cookie = entry.cookie.clone();
            cookie.attributes.unset(Attribute::MaxAge);
            cookie.attributes.unset(Attribute::Expires);
            SavedCookie {
                domain: entry.domain.into(),
                path: entry.path.into(),
                name: entry.name.into(),
                cookie,
                host_only: entry.host_only,
                expires_at: entry.expires_at,
            }
        };
        self.entries().into_iter().map(saved).collect()
    }

    /// Puts what was saved in place of what is in the jar. A file is no more trusted than a
    /// server: each cookie is taken as if its domain had sent it, by the same rules and limits.
    pub fn load(&mut self, now: UnixTime, saved: impl IntoIterator<Item = SavedCookie>) {
        let mut loaded = Self::new(self.settings.clone());
        for SavedCookie { domain, name, mut cookie, host_only, expires_at, .. } in saved {
            if host_only {
                cookie.attributes.unset(Attribute::Domain);
            }
            // Hosts are in lower case, and a domain that is not is nobody's.
            let host = domain.to_ascii_lowercase();
            let host = (!host.is_empty()).then_some(&*host);
            let target = Target { scheme: "https", host, port: None, path: "/" };
            let cookie = [(Some(name), cookie, expires_at)];
            loaded.update_all(now, cookie.into_iter(), &target);
        }
        loaded.generation = self.generation + 1;
        *self = loaded;
    }
}
