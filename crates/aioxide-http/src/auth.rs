//! Credentials in headers: Basic and Digest.
