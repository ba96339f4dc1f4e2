//! The content codings, by vectors made elsewhere and by themselves.

mod advisories;
mod decode;
mod encode;
mod limits;
mod names;
mod properties;
mod support;
mod vectors;
