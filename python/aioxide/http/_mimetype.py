"""The value of a Content-Type header."""

from __future__ import annotations

import dataclasses
import functools

from multidict import MultiDict, MultiDictProxy

__all__ = ["MimeType", "parse_mimetype"]


@dataclasses.dataclass(frozen=True, slots=True)
class MimeType:
    """`type/subtype+suffix; parameters`, in lower case but for the parameters' values."""

    type: str
    subtype: str
    suffix: str
    parameters: MultiDictProxy[str]


@functools.lru_cache(maxsize=64)
def parse_mimetype(mimetype: str) -> MimeType:
    """Read a Content-Type. Nothing is refused: what is missing is empty."""
    full, *items = mimetype.split(";")
    parameters: MultiDict[str] = MultiDict()
    for item in items:
        if item.strip():
            key, _, value = item.partition("=")
            parameters.add(key.strip().lower(), value.strip(' "'))
    full = full.strip().lower()
    if full == "*":
        full = "*/*"
    kind, _, rest = full.partition("/")
    subtype, _, suffix = rest.partition("+")
    return MimeType(kind, subtype, suffix, MultiDictProxy(parameters))
