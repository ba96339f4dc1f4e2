//! Digest: proof of a password that is not sent. RFC 7616, and RFC 2069 for servers without qop.
//!
//! ```text
//! request ── admits? ──no──> sent as it is
//!               │yes
//!               ├── is_preemptive? ──> authorization ──┐
//!               v                                      v
//!           response ── challenged? ──yes──> authorization, and once more
//! ```
//!
//! The credentials belong to the origin of the first request, the anchor. What only looks like a
//! challenge from elsewhere is not answered: a server that a redirect leads to would get something
//! to guess the password by. The anchor may name other URLs, by `domain`; those may not name more.

use std::fmt;

use thiserror::Error;

use super::algorithm::{Algorithm, hex};
use super::challenge::{Challenge, parse_challenges};
use super::space::Space;

/// How Digest behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestSettings {
    /// Requests carry credentials without being asked, once a challenge is known that is for them.
    pub preemptive: bool,
    /// The login goes hashed to servers that say they know how. aiohttp never does that.
    pub userhash: bool,
    /// Bytes of one WWW-Authenticate field; a longer one is no challenge.
    pub field_length: usize,
    /// URLs that `domain` may list; those behind do not count.
    pub space: usize,
}

impl Default for DigestSettings {
    fn default() -> Self {
        Self { preemptive: true, userhash: false, field_length: 65_536, space: 64 }
    }
}

/// Why there is no answer to a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DigestError {
    /// A program gave a login with a colon, where the realm would begin.
    #[error("a login cannot have a colon in it")]
    ColonInLogin,
    /// A program asks for credentials to somewhere they are not for.
    #[error("the credentials are for {anchor}, not for {origin}")]
    OtherOrigin {
        /// Where the credentials are for.
        anchor: String,
        /// Where the request goes.
        origin: String,
    },
    /// The server named no realm.
    #[error("a challenge without a realm")]
    NoRealm,
    /// The server named no nonce.
    #[error("a challenge without a nonce")]
    NoNonce,
    /// The server's nonce is empty, so an answer would be good for ever.
    #[error("a challenge with an empty nonce")]
    EmptyNonce,
    /// The server asks for protection of an unknown kind.
    #[error("a challenge of no known quality of protection: {0:?}")]
    UnknownQop(String),
    /// The server asks for an unknown hash function.
    #[error("a challenge of an unknown algorithm: {0:?}")]
    UnknownAlgorithm(String),
    /// The header would have a control character in it.
    #[error("a control character in the credentials or the challenge")]
    ControlCharacter,
}

/// A request's URL, in the forms that Digest needs.
#[derive(Clone, Copy, Debug)]
pub struct DigestTarget<'a> {
    /// Scheme, host and port: `str(URL.origin())`.
    pub origin: &'a str,
    /// All of it: `str(URL)`.
    pub url: &'a str,
    /// What the request line has: `URL.raw_path_qs`.
    pub request_target: &'a str,
}

/// The credentials of one user for one origin, and what that asked for last.
pub struct DigestAuth {
    login: Box<str>,
    password: Box<str>,
    settings: DigestSettings,
    /// The origin of the first request.
    anchor: Option<Box<str>>,
    /// What the anchor said the credentials are for.
    admitted: Space,
    challenge: Option<Challenge>,
    /// What the challenge is for.
    space: Space,
    last_nonce: String,
    /// How often the last nonce was used.
    nonce_count: u64,
}

impl DigestAuth {
    /// Credentials that are for the origin of the first request.
    ///
    /// # Errors
    /// The login has a colon in it.
    pub fn new(login: &str, password: &str, settings: DigestSettings) -> Result<Self, DigestError> {
        if login.contains(':') {
            return Err(DigestError::ColonInLogin);
        }
        Ok(Self {
            login: login.into(),
            password: password.into(),
            settings,
            anchor: None,
            admitted: Space::default(),
            challenge: None,
            space: Space::default(),
            last_nonce: String::new(),
            nonce_count: 0,
        })
    }

    /// The credentials are for this request. If it is the first one, its origin is the anchor from
    /// now on.
    pub fn admits(&mut self, target: &DigestTarget<'_>) -> bool {
        let anchor = self.anchor.get_or_insert_with(|| target.origin.into());
        **anchor == *target.origin || self.admitted.contains(target.url)
    }

    /// The request should carry credentials already.
    pub fn is_preemptive(&mut self, target: &DigestTarget<'_>) -> bool {
        self.settings.preemptive
            && self.challenge.is_some()
            && self.space.contains(target.url)
            && self.admits(target)
    }

    /// The challenge that was taken last.
    #[must_use]
    pub fn challenge(&self) -> Option<&Challenge> {
        self.challenge.as_ref()
    }

    /// [`DigestAuth::authorization`] hashes the body of the request.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        let qop = self.challenge.as_ref().map(Challenge::chosen_qop);
        matches!(qop, Some(Ok(Some(Qop::AuthInt))))
    }

    /// Takes the response to a request: its status and its WWW-Authenticate fields. `true`: there
    /// is a challenge to be answered by the request once more.
    ///
    /// Of several challenges the first is taken that can be answered, and else the first.
    pub fn challenged<'a>(
        &mut self,
        status: u16,
        fields: impl IntoIterator<Item = &'a str>,
        target: &DigestTarget<'_>,
    ) -> bool {
        if status != 401 || !self.admits(target) {
            return false;
        }
        let most = self.settings.field_length;
        let mut challenges: Vec<_> = fields
            .into_iter()
            .filter(|field| field.len() <= most)
            .flat_map(parse_challenges)
            .collect();
        let usable = challenges.iter().position(|challenge| challenge.terms().is_ok());
        if challenges.is_empty() {
            return false;
        }
        let challenge = challenges.swap_remove(usable.unwrap_or(0));
        self.space = Space::new(target.origin, challenge.domain.as_deref(), self.settings.space);
        if self.anchor.as_deref() == Some(target.origin) {
            self.admitted = self.space.clone();
        }
        self.challenge = Some(challenge);
        true
    }

    /// The value of the Authorization header for a request, by the challenge that was taken last.
    /// `body` counts if [`DigestAuth::needs_body`] says so; `random` is new for each call.
    ///
    /// # Errors
    /// The challenge cannot be answered, or the request goes elsewhere.
    pub fn authorization(
        &mut self,
        method: &str,
        target: &DigestTarget<'_>,
        body: &[u8],
        random: [u8; 8],
    ) -> Result<String, DigestError> {
        if !self.admits(target) {
            return Err(DigestError::OtherOrigin {
                anchor: self.anchor.as_deref().unwrap_or_default().to_owned(),
                origin: target.origin.to_owned(),
            });
        }
        let Some(challenge) = &self.challenge else { return Err(DigestError::NoRealm) };
        let terms = challenge.terms()?;
        if *terms.nonce == self.last_nonce {
            self.nonce_count = self.nonce_count.saturating_add(1);
        } else {
            self.last_nonce = terms.nonce.to_owned();
            self.nonce_count = 1;
        }
        let count = format!("{:08x}", self.nonce_count);
        let cnonce = hex(&random);
        let mut header = Header(String::from("Digest "));
        let hashed_login = (self.settings.userhash && terms.userhash)
            .then(|| terms.algorithm.hash(&[self.login.as_bytes(), terms.realm.as_bytes()]));
        let credentials = Credentials { login: &self.login, password: &self.password };
        let response = terms.response(&credentials, method, target, body, &count, &cnonce);
        header.quoted("username", hashed_login.as_deref().unwrap_or(&self.login));
        header.quoted("realm", terms.realm);
        header.quoted("nonce", terms.nonce);
        header.quoted("uri", target.request_target);
        header.quoted("response", &response);
        header.plain("algorithm", terms.algorithm_name);
        if let Some(opaque) = challenge.opaque.as_deref().filter(|opaque| !opaque.is_empty()) {
            header.quoted("opaque", opaque);
        }
        if let Some(qop) = terms.qop {
            header.plain("qop", qop.name());
            header.plain("nc", &count);
        }
        // AIOHTTP: there a session without qop goes without the cnonce that its hash is made of,
        // so that nobody can check it.
        if terms.qop.is_some() || terms.algorithm.session {
            header.quoted("cnonce", &cnonce);
        }
        if hashed_login.is_some() {
            header.plain("userhash", "true");
        }
        if header.0.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(DigestError::ControlCharacter);
        }
        Ok(header.0)
    }
}

impl fmt::Debug for DigestAuth {
    /// Without the credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DigestAuth")
            .field("settings", &self.settings)
            .field("anchor", &self.anchor)
            .field("space", &self.space)
            .finish_non_exhaustive()
    }
}

struct Credentials<'a> {
    login: &'a str,
    password: &'a str,
}

/// The quality of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Qop {
    Auth,
    /// The body, too.
    AuthInt,
}

impl Qop {
    const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// A challenge that can be answered.
struct Terms<'a> {
    realm: &'a str,
    nonce: &'a str,
    algorithm: Algorithm,
    /// As the server spells it; some compare.
    algorithm_name: &'a str,
    qop: Option<Qop>,
    userhash: bool,
}

impl Challenge {
    fn terms(&self) -> Result<Terms<'_>, DigestError> {
        let realm = self.realm.as_deref().ok_or(DigestError::NoRealm)?;
        let nonce = self.nonce.as_deref().ok_or(DigestError::NoNonce)?;
        if nonce.is_empty() {
            return Err(DigestError::EmptyNonce);
        }
        let qop = self.chosen_qop()?;
        let algorithm_name = self.algorithm.as_deref().unwrap_or(Algorithm::DEFAULT);
        let Some(algorithm) = Algorithm::named(algorithm_name) else {
            return Err(DigestError::UnknownAlgorithm(algorithm_name.to_owned()));
        };
        let userhash =
            self.userhash.as_deref().is_some_and(|userhash| userhash.eq_ignore_ascii_case("true"));
        Ok(Terms { realm, nonce, algorithm, algorithm_name, qop, userhash })
    }

    /// The best of those offered; `None` if the server does not know of any.
    fn chosen_qop(&self) -> Result<Option<Qop>, DigestError> {
        let Some(offered) = self.qop.as_deref().filter(|qop| !qop.is_empty()) else {
            return Ok(None);
        };
        let offers = |qop: Qop| offered.split(',').any(|offer| offer.trim() == qop.name());
        [Qop::AuthInt, Qop::Auth]
            .into_iter()
            .find(|qop| offers(*qop))
            .map(Some)
            .ok_or_else(|| DigestError::UnknownQop(offered.to_owned()))
    }
}

impl Terms<'_> {
    fn response(
        &self,
        credentials: &Credentials<'_>,
        method: &str,
        target: &DigestTarget<'_>,
        body: &[u8],
        count: &str,
        cnonce: &str,
    ) -> String {
        let hash = |parts: &[&str]| {
            let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
            self.algorithm.hash(&parts)
        };
        let mut secret = hash(&[credentials.login, self.realm, credentials.password]);
        if self.algorithm.session {
            secret = hash(&[&secret, self.nonce, cnonce]);
        }
        let method = method.to_uppercase();
        let request = if self.qop == Some(Qop::AuthInt) {
            hash(&[&method, target.request_target, &self.algorithm.hash(&[body])])
        } else {
            hash(&[&method, target.request_target])
        };
        match self.qop {
            Some(qop) => hash(&[&secret, self.nonce, count, cnonce, qop.name(), &request]),
            None => hash(&[&secret, self.nonce, &request]),
        }
    }
}

/// A list of parameters in the making.
struct Header(String);

impl Header {
    fn plain(&mut self, name: &str, value: &str) {
        if !self.0.ends_with(' ') {
            self.0.push_str(", ");
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(value);
    }

    fn quoted(&mut self, name: &str, value: &str) {
        self.plain(name, "\"");
        for character in value.chars() {
            if matches!(character, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(character);
        }
        self.0.push('"');
    }
}
