//! `ResponseSettings`: how a response is read, and how much of it at most.

use aioxide_http::coding;
use aioxide_http::http1::response::Limits;
use pyo3::prelude::*;

/// How the response to a request is read. Sizes are bytes, None is no limit.
#[pyclass(frozen, get_all, module = "aioxide._aioxide")]
#[derive(Clone, Debug)]
pub(crate) struct ResponseSettings {
    read_until_eof: bool,
    auto_decompress: bool,
    read_bufsize: usize,
    max_line_size: usize,
    max_field_size: usize,
    max_headers: usize,
    max_body_size: Option<u64>,
    max_decompressed_size: Option<u64>,
}

impl ResponseSettings {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            max_line_size: self.max_line_size,
            max_field_size: self.max_field_size,
            max_headers: self.max_headers,
            ..Limits::default()
        }
    }

    pub(super) fn coding_limits(&self) -> coding::Limits {
        coding::Limits {
            max_decompressed_size: self.max_decompressed_size,
            ..coding::Limits::default()
        }
    }

    pub(super) const fn reads_until_eof(&self) -> bool {
        self.read_until_eof
    }

    pub(super) const fn decompresses(&self) -> bool {
        self.auto_decompress
    }

    pub(super) const fn body_limit(&self) -> Option<u64> {
        self.max_body_size
    }

    /// What may wait before the connection is told to stop.
    pub(super) const fn high(&self) -> usize {
        self.read_bufsize.saturating_mul(2)
    }
}

#[pymethods]
impl ResponseSettings {
    #[new]
    #[pyo3(signature = (*, read_until_eof=true, auto_decompress=true, read_bufsize=262_144,
        max_line_size=8190, max_field_size=8190, max_headers=128, max_body_size=None,
        max_decompressed_size=None))]
    #[expect(clippy::too_many_arguments, reason = "aiohttp's own settings of a request, by name")]
    fn new(
        read_until_eof: bool,
        auto_decompress: bool,
        read_bufsize: usize,
        max_line_size: usize,
        max_field_size: usize,
        max_headers: usize,
        max_body_size: Option<u64>,
        max_decompressed_size: Option<u64>,
    ) -> Self {
        Self {
            read_until_eof,
            auto_decompress,
            read_bufsize,
            max_line_size,
            max_field_size,
            max_headers,
            max_body_size,
            max_decompressed_size,
        }
    }
}
