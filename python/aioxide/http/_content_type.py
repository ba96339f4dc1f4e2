"""What Content-Type and Content-Disposition say."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from email.message import Message
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class MimeType(NamedTuple):
    """The parts of a Content-Type."""

    type: str
    subtype: str
    suffix: str
    parameters: Mapping[str, str]
    essence: str


@dataclass(frozen=True, slots=True)
class ContentDisposition:
    """The parts of a Content-Disposition."""

    type: str | None
    parameters: Mapping[str, str]
    filename: str | None


@functools.lru_cache(maxsize=256)
def mime_type_of(text: str | None) -> MimeType:
    """Take a Content-Type apart. What is none is application/octet-stream."""
    if not text:
        return MimeType("", "", "", MappingProxyType({}), "application/octet-stream")
    message = Message()
    message["Content-Type"] = text
    essence = text.partition(";")[0].strip().lower()
    if essence.count("/") != 1:
        # The e-mail package has text/plain for what is no type.
        essence = "application/octet-stream"
    found: list[tuple[str, Any]] = message.get_params(unquote=True) or []
    # A value with a charset of its own is a triple, the text last.
    parameters = {
        name.lower(): value if isinstance(value, str) else value[2] for name, value in found[1:]
    }
    main, _, subtype = essence.partition("/")
    subtype, _, suffix = subtype.partition("+")
    return MimeType(main, subtype, suffix, MappingProxyType(parameters), essence)


def disposition_of(text: str) -> ContentDisposition:
    """Take a Content-Disposition apart."""
    from aioxide.http._multipart import content_disposition_filename, parse_content_disposition

    kind, parameters = parse_content_disposition(text)
    return ContentDisposition(
        kind, MappingProxyType(parameters), content_disposition_filename(parameters)
    )
