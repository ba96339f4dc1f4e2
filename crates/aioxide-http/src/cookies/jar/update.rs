//! How cookies come into the jar.

use super::store::Stored;
use super::{Jar, Target, UnixTime};
use crate::cookies::attributes::{Attribute, Attributes};
use crate::cookies::cookie::Cookie;
use crate::cookies::expiry::deadline;
use crate::cookies::quoting::quote;
use crate::cookies::set_cookie::{ParsedSetCookies, parse_set_cookies};
use crate::cookies::target::domain_matches;

impl Jar {
    /// Takes the cookies from the Set-Cookie fields of a response; `target` is where that came
    /// from. Returned is what was no cookie; the cookies of the answer have been moved out.
    pub fn update_from_headers<'a>(
        &mut self,
        now: UnixTime,
        fields: impl IntoIterator<Item = &'a [u8]>,
        target: &Target<'_>,
    ) -> ParsedSetCookies {
        if self.is_refused(target) {
            return ParsedSetCookies::default();
        }
        let mut parsed = parse_set_cookies(fields, &self.settings.set_cookie);
        if !parsed.cookies.is_empty() {
            self.update(now, std::mem::take(&mut parsed.cookies), target);
        }
        parsed
    }

    /// Takes cookies as if a response from `target` had set them, and returns how many it did not
    /// take: of another domain, with control characters, or not Secure for a domain that is full
    /// of Secure ones.
    ///
    /// Those that come with an end in the past take the ones they replace with them.
    pub fn update(
        &mut self,
        now: UnixTime,
        cookies: impl IntoIterator<Item = Cookie>,
        target: &Target<'_>,
    ) -> usize {
        self.update_all(now, cookies.into_iter().map(|cookie| (None, cookie, None)), target)
    }

    /// The same for cookies that are filed under names that may differ from their keys, as those
    /// of a mapping of names to `Morsel`s.
    pub fn update_named(
        &mut self,
        now: UnixTime,
        cookies: impl IntoIterator<Item = (Box<str>, Cookie)>,
        target: &Target<'_>,
    ) -> usize {
        let cookies = cookies.into_iter().map(|(name, cookie)| (Some(name), cookie, None));
        self.update_all(now, cookies, target)
    }

    /// The same for cookies that may have an end beside their attributes.
    pub(super) fn update_all(
        &mut self,
        now: UnixTime,
        cookies: impl Iterator<Item = (Option<Box<str>>, Cookie, Option<UnixTime>)>,
        target: &Target<'_>,
    ) -> usize {
        if self.is_refused(target) {
            return cookies.count();
        }
        let mut refused = 0;
        for (name, cookie, end) in cookies {
            if !self.take(now, name, cookie, end, target) {
                refused += 1;
            }
        }
        self.expire(now);
        refused
    }

    fn take(
        &mut self,
        now: UnixTime,
        name: Option<Box<str>>,
        mut cookie: Cookie,
        end: Option<UnixTime>,
        target: &Target<'_>,
    ) -> bool {
        let Some(host_only) = place(&mut cookie.attributes, target) else { return false };
        let expires_at = end.or_else(|| deadline(&mut cookie.attributes, now));
        if !cookie.is_sendable() {
            return false;
        }
        let sent = sent(&cookie, self.settings.quote_cookie);
        let filed_under = name.filter(|name| **name != *cookie.key());
        let new = Stored { serial: 0, used: 0, filed_under, cookie, sent, host_only, expires_at };
        let Some(slot) = self.store.find(new.domain(), new.path(), new.name()) else {
            // As in Firefox, a cookie that only deletes makes no other go.
            let stays = expires_at.is_none_or(|end| end > now);
            if stays && !self.make_room(now, new.domain(), new.is_secure()) {
                return false;
            }
            return self.add(new);
        };
        let old = &mut self.store[slot];
        let ended = std::mem::replace(&mut old.expires_at, expires_at);
        let serial = old.serial;
        if old.host_only != host_only || old.cookie != new.cookie {
            (old.cookie, old.sent, old.host_only) = (new.cookie, new.sent, host_only);
            self.changed();
        }
        self.expirations.count(ended, expires_at);
        if let Some(when) = expires_at.filter(|_| expires_at != ended) {
            self.expirations.push(slot, serial, when, &self.store);
        }
        self.store[slot].used = self.next_use();
        true
    }

    fn add(&mut self, mut new: Stored) -> bool {
        self.changed();
        let expires_at = new.expires_at;
        new.used = self.next_use();
        let Some(slot) = self.store.insert(new) else { return false };
        self.expirations.count(None, expires_at);
        if let Some(when) = expires_at {
            let serial = self.store[slot].serial;
            self.expirations.push(slot, serial, when, &self.store);
        }
        true
    }

    pub(super) fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }
}

/// Fills in the domain and the path. Whether the cookie is for the host only; `None` if it may not
/// come from there.
fn place(attributes: &mut Attributes, target: &Target<'_>) -> Option<bool> {
    let domain = attributes.text(Attribute::Domain);
    if domain.ends_with('.') {
        attributes.unset(Attribute::Domain);
    } else if let Some(bare) = domain.strip_prefix('.') {
        let bare = bare.to_owned();
        attributes.set(Attribute::Domain, &*bare);
    }
    let domain = attributes.text(Attribute::Domain);
    let host = target.host.unwrap_or_default();
    if !domain.is_empty() && !host.is_empty() && !domain_matches(domain, host) {
        return None;
    }
    let host_only = domain.is_empty() && target.host.is_some();
    if domain.is_empty() {
        attributes.set(Attribute::Domain, host);
    }
    if !attributes.text(Attribute::Path).starts_with('/') {
        attributes.set(Attribute::Path, target.default_path());
    }
    Some(host_only)
}

/// What is sent, if that is not the coded value. Quotes that a server sent go back as they came.
fn sent(cookie: &Cookie, quote_cookie: bool) -> Option<Box<str>> {
    if quote_cookie && cookie.coded_value().starts_with('"') {
        return None;
    }
    let sent = if quote_cookie { quote(cookie.value()) } else { cookie.value().into() };
    (sent != cookie.coded_value()).then(|| sent.into())
}
