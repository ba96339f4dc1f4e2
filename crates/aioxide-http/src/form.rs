//! Forms, URL-encoded.
