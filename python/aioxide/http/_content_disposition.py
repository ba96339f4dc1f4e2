"""Content-Disposition: the name of a form's field, and of a file. RFC 2183, 6266 and 7578."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from aioxide.http._aiohttp import shared
from aioxide.http._headers import TOKEN, safe_header

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BadContentDispositionHeader",
    "BadContentDispositionParam",
    "content_disposition_filename",
    "content_disposition_header",
    "guess_filename",
    "parse_content_disposition",
]

_TO_ESCAPE = re.compile(r"[^!#-\[\]-~]")
_PRINTABLE = re.compile(r"[\t -~]*")
_ESCAPED = re.compile(r"\\([\x00-\x7f])")


@shared("multipart")
class BadContentDispositionHeader(RuntimeWarning):
    """A Content-Disposition that cannot be read."""


@shared("multipart")
class BadContentDispositionParam(RuntimeWarning):
    """A parameter of a Content-Disposition that cannot be read, and is left out."""


def guess_filename(obj: Any, default: str | None = None) -> str | None:
    """The name of an open file, without its folder, or `default` for one without a real name."""
    name = getattr(obj, "name", None)
    if name and isinstance(name, str) and name[0] != "<" and name[-1] != ">":
        return Path(name).name
    return default


def content_disposition_header(
    disptype: str, quote_fields: bool = True, _charset: str = "utf-8", **params: str
) -> str:
    """Make the value of a header, such as `form-data; name="a"; filename="b.txt"`.

    With `quote_fields`, text that is not ASCII is percent-encoded in `_charset`, and so is a file's
    name; else it stays what it is. Raises ValueError for a type or a parameter's name that is no
    token, and for a control character that would stay.
    """
    if TOKEN.fullmatch(disptype) is None:
        raise ValueError(f"bad content disposition type {disptype!r}")
    shown = [disptype]
    for key, value in params.items():
        if TOKEN.fullmatch(key) is None:
            raise ValueError(f"bad content disposition parameter {key!r}={value!r}")
        shown.append(_parameter(key, value, _charset if quote_fields else None))
    return "; ".join(shown)


def _parameter(key: str, value: str, charset: str | None) -> str:
    if charset is None:
        escaped = safe_header(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'{key}="{escaped}"'
    if key.lower() == "filename":
        return f'{key}="{quote(value, "", encoding=charset)}"'
    if _PRINTABLE.fullmatch(value) is not None:
        escaped = _TO_ESCAPE.sub(lambda match: f"\\{match[0]}", value)
        return f'{key}="{escaped}"'
    return f"{key}*={charset}''{quote(value, '', encoding=charset)}"


def _is_token(text: str) -> bool:
    return TOKEN.fullmatch(text) is not None


def _is_quoted(text: str) -> bool:
    return len(text) >= 2 and text[0] == text[-1] == '"'


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _decode_extended(value: str) -> str | None:
    """Decode RFC 5987's `charset'language'percent-encoded`. None if it is not that."""
    if not _is_token(value) or value.count("'") != 2:
        return None
    charset, _, encoded = value.split("'")
    try:
        return unquote(encoded, charset or "utf-8", "strict")
    except (LookupError, UnicodeDecodeError):  # the peer names the charset
        return None


def parse_content_disposition(header: str | None) -> tuple[str | None, dict[str, str]]:
    """Read a header: (its type in lower case, its parameters).

    (None, {}) for one that cannot be read, with a BadContentDispositionHeader warning; a parameter
    that cannot be read is left out, with a BadContentDispositionParam warning. Parameters that are
    continued (`filename*0`) stay apart, for content_disposition_filename().
    """
    if not header:
        return None, {}
    disptype, *parts = header.split(";")
    disptype = disptype.strip()
    params = _parse_parameters(header, parts) if _is_token(disptype) else None
    if params is None:
        warnings.warn(BadContentDispositionHeader(header), stacklevel=2)
        return None, {}
    return disptype.lower(), params


def _parse_parameters(header: str, parts: list[str]) -> dict[str, str] | None:
    """The parameters by name, None if one spoils the whole header."""
    params: dict[str, str] = {}
    parts.reverse()
    while parts:
        item = parts.pop()
        if not item:  # a semicolon at the end
            warnings.warn(BadContentDispositionHeader(header), stacklevel=3)
            continue
        key, equals, value = item.partition("=")
        key = key.lower().strip()
        value = value.lstrip()
        if not equals or key in params:
            return None
        read: str | None
        if not _is_token(key):
            read = None
        elif key.removesuffix("*").partition("*")[2].isdigit():
            read = _parse_continued(value)
        elif key.endswith("*"):
            read = _decode_extended(value)
        else:
            read = _parse_plain(value, parts)
            if read is None:
                return None
        if read is None:
            warnings.warn(BadContentDispositionParam(item), stacklevel=3)
        else:
            params[key] = read
    return params


def _parse_continued(value: str) -> str | None:
    if _is_quoted(value):
        return _unescape(value[1:-1])
    return value if _is_token(value) else None


def _parse_plain(value: str, later: list[str]) -> str | None:
    """Read a token or a quoted string. The latter may contain the semicolon that it was split at:
    then its other half is taken from `later`, whose last item is the next.
    """
    if _is_quoted(value.rstrip()):
        return _unescape(value.rstrip()[1:-1].lstrip("\\/"))
    if _is_token(value):
        return value
    if later:
        both = f"{value};{later[-1]}"
        if _is_quoted(both):
            later.pop()
            return _unescape(both[1:-1].lstrip("\\/"))
    return None


def content_disposition_filename(params: Mapping[str, str], name: str = "filename") -> str | None:
    """Find a parameter in the forms that it may have: extended, plain, or in numbered pieces.

    None if there is none, or its pieces cannot be decoded.
    """
    extended = f"{name}*"
    for key in (extended, name):
        if key in params:
            return params[key]
    pieces: list[str] = []
    for key, value in sorted(params.items()):
        if key.startswith(extended):
            number = key.split("*", 1)[1].removesuffix("*")
            if number != str(len(pieces)):
                break
            pieces.append(value)
    if not pieces:
        return None
    joined = "".join(pieces)
    if "'" not in joined:
        return joined
    try:
        charset, _, encoded = joined.split("'", 2)
        return unquote(encoded, charset or "utf-8", "strict")
    except (LookupError, ValueError):
        return None
