//! When a request is made again.
