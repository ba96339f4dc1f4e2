//! Multipart bodies, written and read.

mod advisories;
mod boundary;
mod disposition;
mod limits;
mod properties;
mod read;
mod support;
mod transfer;
mod write;
