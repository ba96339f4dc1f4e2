//! What a cookie says about itself beside its value.

/// An attribute that cookies have. Others are ignored, as RFC 6265 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// When it ends, as a date.
    Expires,
    /// Which paths it is for.
    Path,
    /// A remark; of RFC 2109.
    Comment,
    /// Which hosts it is for.
    Domain,
    /// In how many seconds it ends; before `Expires`.
    MaxAge,
    /// It goes to secure origins only.
    Secure,
    /// Scripts of a page do not see it.
    HttpOnly,
    /// The version of RFC 2109.
    Version,
    /// Whether other sites' requests carry it.
    SameSite,
    /// It belongs to the site at the top of the page.
    Partitioned,
}

impl Attribute {
    /// Every attribute.
    pub const ALL: [Self; 10] = [
        Self::Expires,
        Self::Path,
        Self::Comment,
        Self::Domain,
        Self::MaxAge,
        Self::Secure,
        Self::HttpOnly,
        Self::Version,
        Self::SameSite,
        Self::Partitioned,
    ];

    /// Its name as `http.cookies.Morsel` spells the key: in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expires => "expires",
            Self::Path => "path",
            Self::Comment => "comment",
            Self::Domain => "domain",
            Self::MaxAge => "max-age",
            Self::Secure => "secure",
            Self::HttpOnly => "httponly",
            Self::Version => "version",
            Self::SameSite => "samesite",
            Self::Partitioned => "partitioned",
        }
    }

    /// The attribute of that name, in whatever case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name().eq_ignore_ascii_case(name))
    }

    /// It is there or not, whatever value it is given.
    #[must_use]
    pub const fn is_flag(self) -> bool {
        matches!(self, Self::Secure | Self::HttpOnly | Self::Partitioned)
    }
}

/// The value of an attribute. Headers give text and flags; programs give numbers, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// Text. The empty text is what an attribute has that was never set.
    Text(Box<str>),
    /// `True` or `False`.
    Flag(bool),
    /// A number.
    Integer(i64),
}

impl AttributeValue {
    /// What Python takes for true.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Flag(flag) => *flag,
            Self::Integer(number) => *number != 0,
        }
    }
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// The attributes of one cookie that are set, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// In the order of [`Attribute`], so that equality is that of the contents.
    set: Vec<(Attribute, AttributeValue)>,
}

impl Attributes {
    /// Sets one; the last value counts. Empty text takes it away.
    pub fn set(&mut self, attribute: Attribute, value: impl Into<AttributeValue>) {
        let value = value.into();
        if value == AttributeValue::Text("".into()) {
            self.unset(attribute);
            return;
        }
        match self.set.binary_search_by_key(&attribute, |(set, _)| *set) {
            Ok(place) => self.set[place].1 = value,
            Err(place) => self.set.insert(place, (attribute, value)),
        }
    }

    /// Takes one away.
    pub fn unset(&mut self, attribute: Attribute) {
        self.set.retain(|(set, _)| *set != attribute);
    }

    /// The value of one that is set.
    #[must_use]
    pub fn value(&self, attribute: Attribute) -> Option<&AttributeValue> {
        self.set.iter().find(|(set, _)| *set == attribute).map(|(_, value)| value)
    }

    /// The text of one: empty if it is not set, or set to no text.
    #[must_use]
    pub fn text(&self, attribute: Attribute) -> &str {
        match self.value(attribute) {
            Some(AttributeValue::Text(text)) => text,
            _ => "",
        }
    }

    /// One is set to something that is true.
    #[must_use]
    pub fn is_true(&self, attribute: Attribute) -> bool {
        self.value(attribute).is_some_and(AttributeValue::is_true)
    }

    /// Those that are set, in the order of [`Attribute`].
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, &AttributeValue)> {
        self.set.iter().map(|(attribute, value)| (*attribute, value))
    }
}
