"""Bodies of several parts: writing and reading them."""

from __future__ import annotations

from aioxide.http._content_disposition import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    content_disposition_filename,
    parse_content_disposition,
)
from aioxide.http._multipart_reader import MultipartReader, MultipartResponseWrapper
from aioxide.http._multipart_writer import MultipartWriter
from aioxide.http._part_encoding import MultipartPayloadWriter
from aioxide.http._part_payload import BodyPartReaderPayload
from aioxide.http._part_reader import BodyPartReader

__all__ = [
    "BadContentDispositionHeader",
    "BadContentDispositionParam",
    "BodyPartReader",
    "BodyPartReaderPayload",
    "MultipartPayloadWriter",
    "MultipartReader",
    "MultipartResponseWrapper",
    "MultipartWriter",
    "content_disposition_filename",
    "parse_content_disposition",
]
