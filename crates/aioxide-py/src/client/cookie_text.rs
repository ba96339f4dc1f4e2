//! Cookies between Python and Rust: parts of `http.cookies.Morsel`s, and the fields of messages.

use aioxide_http::cookies::{
    self, Attribute, AttributeValue, Attributes, Cookie, SetCookieError, SetCookieLimits,
};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};

use crate::ffi::Bytes;

/// The name that a cookie is filed under, its key, value, coded value and attributes.
pub(super) type MorselParts<'py> =
    (String, String, String, String, Vec<(String, Bound<'py, PyAny>)>);

/// Key, value, coded value, attributes.
pub(super) type CookieParts = (String, String, String, Vec<(&'static str, AttributeObject)>);

/// What was not taken: how many fields were no cookies, the illegal names among them, and how many
/// fields were over the limit.
pub(super) type Refused = (usize, Vec<String>, usize);

/// A value of an attribute, as an object of Python.
#[derive(Debug, IntoPyObject)]
pub(crate) enum AttributeObject {
    Text(String),
    Flag(bool),
    Integer(i64),
}

/// A cookie of a Morsel's parts, and its name.
///
/// # Errors
/// Text that is not UTF-8.
pub(super) fn cookie_of(parts: MorselParts<'_>) -> PyResult<(Box<str>, Cookie)> {
    let (name, key, value, coded_value, attributes) = parts;
    let mut cookie = Cookie::new(key, value, coded_value);
    set_attributes(&mut cookie.attributes, &attributes)?;
    Ok((name.into(), cookie))
}

fn set_attributes(target: &mut Attributes, given: &[(String, Bound<'_, PyAny>)]) -> PyResult<()> {
    for (name, value) in given {
        if let Some(attribute) = Attribute::named(name) {
            target.set(attribute, attribute_value(value)?);
        }
    }
    Ok(())
}

/// Programs put all kinds of objects there. A number that does not fit is the end of the range on
/// its side.
fn attribute_value(value: &Bound<'_, PyAny>) -> PyResult<AttributeValue> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(AttributeValue::from(text.to_str()?));
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(AttributeValue::Flag(flag.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        let saturated = if value.lt(0)? { i64::MIN } else { i64::MAX };
        return Ok(AttributeValue::Integer(value.extract().unwrap_or(saturated)));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        // `as` saturates.
        return Ok(AttributeValue::Integer(number.value() as i64));
    }
    Ok(AttributeValue::from(value.str()?.to_str()?))
}

/// The parts of a cookie, for Python to make a Morsel of.
pub(super) fn parts_of(cookie: &Cookie) -> CookieParts {
    let attributes = cookie.attributes.iter().map(|(attribute, value)| {
        let value = match value {
            AttributeValue::Text(text) => AttributeObject::Text(text.as_ref().to_owned()),
            AttributeValue::Flag(flag) => AttributeObject::Flag(*flag),
            AttributeValue::Integer(number) => AttributeObject::Integer(*number),
        };
        (attribute.name(), value)
    });
    let attributes = attributes.collect();
    (
        cookie.key().to_owned(),
        cookie.value().to_owned(),
        cookie.coded_value().to_owned(),
        attributes,
    )
}

/// The bytes of fields that came as text. Text that is not UTF-8 gives bytes that are not, so that
/// the parser refuses what has them.
pub(super) fn field_bytes(fields: &Bound<'_, PyAny>) -> PyResult<Vec<Bytes>> {
    let encode = |field: PyResult<Bound<'_, PyAny>>| {
        let field = field?.cast_into::<PyString>()?;
        match field.to_str() {
            Ok(text) => Ok(Bytes::new(&PyBytes::new(field.py(), text.as_bytes()))),
            Err(_) => {
                let encoded = field.call_method1("encode", ("utf-8", "surrogatepass"))?;
                Ok(Bytes::new(encoded.cast::<PyBytes>()?))
            }
        }
    };
    fields.try_iter()?.map(encode).collect()
}

/// The same without what was taken.
pub(super) fn refused_of(refused: &[SetCookieError], over_limit: usize) -> Refused {
    let illegal = refused.iter().filter_map(|error| match error {
        SetCookieError::IllegalName(name) => Some(name.clone()),
        _ => None,
    });
    (refused.len(), illegal.collect(), over_limit)
}

/// The cookies of a response's Set-Cookie fields, as parts of Morsels, and what was not taken.
#[pyfunction]
pub(crate) fn parse_set_cookies(
    fields: &Bound<'_, PyAny>,
) -> PyResult<(Vec<CookieParts>, Refused)> {
    let fields = field_bytes(fields)?;
    let fields = fields.iter().map(Bytes::as_slice);
    let parsed = cookies::parse_set_cookies(fields, &SetCookieLimits::default());
    let taken = parsed.cookies.iter().map(parts_of).collect();
    Ok((taken, refused_of(&parsed.refused, parsed.over_limit)))
}

/// The cookies of a Cookie field: key, value and coded value of each.
#[pyfunction]
pub(crate) fn parse_cookie_field(field: &str) -> Vec<(String, String, String)> {
    let parts = |cookie: &Cookie| {
        (cookie.key().to_owned(), cookie.value().to_owned(), cookie.coded_value().to_owned())
    };
    cookies::parse_cookie_header(field).iter().map(parts).collect()
}
