//! `NativeCookieJar`: the cookies of a session.

use aioxide_http::cookies::{
    Cookie, CookieHeader, Identity, Jar, JarLimits, JarSettings, Origin, SavedCookie, Target,
    UnixTime,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::cookie_text::{
    CookieParts, MorselParts, Refused, cookie_of, field_bytes, parts_of, refused_of,
};
use crate::cell::LoopCell;
use crate::ffi::Bytes;

/// The cookies of a session. Times are seconds since 1970; a target is (scheme, raw host or None,
/// port or None, path) of a URL.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct NativeCookieJar(LoopCell<Jar>);

/// The parts of a URL that cookies ask for.
#[derive(FromPyObject)]
pub(crate) struct TargetParts<'py>(
    Bound<'py, PyString>,
    Option<Bound<'py, PyString>>,
    Option<u16>,
    Bound<'py, PyString>,
);

impl TargetParts<'_> {
    fn target(&self) -> PyResult<Target<'_>> {
        let Self(scheme, host, port, path) = self;
        Ok(Target {
            scheme: scheme.to_str()?,
            host: host.as_ref().map(PyStringMethods::to_str).transpose()?,
            port: *port,
            path: path.to_str()?,
        })
    }
}

/// Domain, path and name, and the cookie; whether it is for its host only, and its end.
type StoredParts = (String, String, String, CookieParts, bool, Option<f64>);

/// Domain, the cookie, whether it is for its host only, and its end.
type SavedParts<'py> = (String, MorselParts<'py>, bool, Option<f64>);

fn time(seconds: f64) -> PyResult<UnixTime> {
    UnixTime::from_secs_f64(seconds).ok_or_else(|| PyValueError::new_err("not a finite time"))
}

fn named(cookies: Vec<MorselParts<'_>>) -> PyResult<Vec<(Box<str>, Cookie)>> {
    cookies.into_iter().map(cookie_of).collect()
}

#[pymethods]
impl NativeCookieJar {
    /// secure_origins: (scheme, host, port or None). limited: no more cookies than aiohttp has.
    #[new]
    fn new(
        accept_addresses: bool,
        quote_cookie: bool,
        secure_origins: Vec<(String, String, Option<u16>)>,
        limited: bool,
    ) -> Self {
        let secure_origins = secure_origins
            .iter()
            .map(|(scheme, host, port)| Origin::new(scheme, host, *port))
            .collect();
        Self(LoopCell::new(Jar::new(JarSettings {
            accept_addresses,
            quote_cookie,
            secure_origins,
            limits: limited.then(JarLimits::default),
            ..JarSettings::default()
        })))
    }

    fn __len__(&self) -> usize {
        self.0.with(|jar| jar.len())
    }

    /// Another number after each change.
    #[getter]
    fn generation(&self) -> u64 {
        self.0.with(|jar| jar.generation())
    }

    /// Takes cookies as if a response from the target had set them. Returns how many were refused.
    fn update(
        &self,
        now: f64,
        cookies: Vec<MorselParts<'_>>,
        target: TargetParts<'_>,
    ) -> PyResult<usize> {
        let (now, cookies, target) = (time(now)?, named(cookies)?, target.target()?);
        Ok(self.0.with(|jar| jar.update_named(now, cookies, &target)))
    }

    /// Takes the cookies of a response's Set-Cookie fields.
    fn update_from_fields(
        &self,
        now: f64,
        fields: &Bound<'_, PyAny>,
        target: TargetParts<'_>,
    ) -> PyResult<Refused> {
        let (now, fields, target) = (time(now)?, field_bytes(fields)?, target.target()?);
        let parsed = self
            .0
            .with(|jar| jar.update_from_headers(now, fields.iter().map(Bytes::as_slice), &target));
        Ok(refused_of(&parsed.refused, parsed.over_limit))
    }

    /// The value of the Cookie field for a request; None where there is nothing to send.
    fn header(&self, now: f64, target: TargetParts<'_>) -> PyResult<Option<String>> {
        let (now, target) = (time(now)?, target.target()?);
        Ok(self.0.with(|jar| jar.header(now, &target).map(str::to_owned)))
    }

    /// The same with the cookies of another jar, which replace those of the same name.
    fn joined_header(
        &self,
        now: f64,
        target: TargetParts<'_>,
        other: &Bound<'_, Self>,
    ) -> PyResult<Option<String>> {
        if std::ptr::eq(self, other.get()) {
            return self.header(now, target);
        }
        let (now, target) = (time(now)?, target.target()?);
        let rendered = self.0.with(|jar| {
            other.get().0.with(|other| {
                let mut header = CookieHeader::new();
                for sent in jar.select(now, &target).into_iter().chain(other.select(now, &target)) {
                    header.set(sent.name, sent.key, sent.coded_value);
                }
                header.render()
            })
        });
        rendered.map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The cookies for a request, the most specific last: name, key, value and what is sent.
    fn select(
        &self,
        now: f64,
        target: TargetParts<'_>,
    ) -> PyResult<Vec<(String, String, String, String)>> {
        let (now, target) = (time(now)?, target.target()?);
        Ok(self.0.with(|jar| {
            let owned = |sent: aioxide_http::cookies::Sent<'_>| {
                let [name, key, value, coded_value] =
                    [sent.name, sent.key, sent.value, sent.coded_value].map(str::to_owned);
                (name, key, value, coded_value)
            };
            jar.select(now, &target).into_iter().map(owned).collect()
        }))
    }

    /// Every cookie, in the order in which they came.
    fn entries(&self) -> Vec<StoredParts> {
        self.0.with(|jar| {
            let owned = |entry: aioxide_http::cookies::Entry<'_>| {
                let [domain, path, name] =
                    [entry.domain, entry.path, entry.name].map(str::to_owned);
                let expires_at = entry.expires_at.map(UnixTime::as_secs_f64);
                (domain, path, name, parts_of(entry.cookie), entry.host_only, expires_at)
            };
            jar.entries().into_iter().map(owned).collect()
        })
    }

    /// Takes out the cookies that have ended.
    fn expire(&self, now: f64) -> PyResult<()> {
        let now = time(now)?;
        self.0.with(|jar| jar.expire(now));
        Ok(())
    }

    /// Takes everything out.
    fn clear(&self) {
        self.0.with(Jar::clear);
    }

    /// Takes out the cookies of a domain and of those below, and those that have ended.
    fn clear_domain(&self, now: f64, domain: &str) -> PyResult<()> {
        let now = time(now)?;
        self.0.with(|jar| jar.clear_domain(now, domain));
        Ok(())
    }

    /// Takes out the cookies of these domains, paths and names.
    fn remove(&self, identities: Vec<(String, String, String)>) {
        let identities: Vec<Identity> = identities
            .into_iter()
            .map(|(domain, path, name)| Identity {
                domain: domain.into(),
                path: path.into(),
                name: name.into(),
            })
            .collect();
        self.0.with(|jar| jar.remove(&identities));
    }

    /// Puts cookies that were saved in place of what is there.
    fn load(&self, now: f64, saved: Vec<SavedParts<'_>>) -> PyResult<()> {
        let now = time(now)?;
        let restore = |(domain, parts, host_only, expires_at): SavedParts<'_>| {
            let (name, cookie) = cookie_of(parts)?;
            let expires_at = expires_at.map(time).transpose()?;
            Ok(SavedCookie {
                domain: domain.into(),
                path: "".into(),
                name,
                cookie,
                host_only,
                expires_at,
            })
        };
        let saved: Vec<_> = saved.into_iter().map(restore).collect::<PyResult<_>>()?;
        self.0.with(|jar| jar.load(now, saved));
        Ok(())
    }
}
