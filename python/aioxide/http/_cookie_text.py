"""Cookies as text and as `http.cookies.Morsel`s."""

from __future__ import annotations

import logging
from http.cookies import CookieError, Morsel
from typing import TYPE_CHECKING, Any

from aioxide import _aioxide

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "make_morsel",
    "morsel_as_sent",
    "parse_cookie_header",
    "parse_set_cookie_headers",
    "report_refused",
]

logger = logging.getLogger("aiohttp.internal")

#: The attributes that Morsels of this Python have: Partitioned only since 3.14.
KNOWN = frozenset(Morsel())


def make_morsel(
    key: str, value: str, coded_value: str, attributes: Iterable[tuple[str, Any]] = ()
) -> Morsel[str]:
    """Make a Morsel of what was checked before, also of what Morsel.set() would refuse.

    Raises CookieError for a control character, where Python looks for them.
    """
    morsel: Morsel[str] = Morsel()
    state = {"key": key, "value": value, "coded_value": coded_value}
    morsel.__setstate__(state)  # type: ignore[attr-defined]
    for name, attribute in attributes:
        if name in KNOWN:
            dict.__setitem__(morsel, name, attribute)
    return morsel


def morsel_as_sent(morsel: Morsel[str]) -> Morsel[str]:
    """The Morsel without attributes; its coded value is sent as the server gave it."""
    try:
        return make_morsel(morsel.key, morsel.value, morsel.coded_value)
    except CookieError:
        return morsel


def parse_cookie_header(header: str) -> list[tuple[str, Morsel[str]]]:
    """The cookies of a Cookie header's value, by their names. What cannot be read is left out."""
    cookies: list[tuple[str, Morsel[str]]] = []
    for key, value, coded_value in _aioxide.parse_cookie_field(header):
        try:
            cookies.append((key, make_morsel(key, value, coded_value)))
        except CookieError:
            continue
    return cookies


def parse_set_cookie_headers(headers: Sequence[str]) -> list[tuple[str, Morsel[str]]]:
    """The cookies of Set-Cookie headers' values, by their names; at most one of each."""
    taken, refused = _aioxide.parse_set_cookies(headers)
    report_refused(refused)
    cookies: list[tuple[str, Morsel[str]]] = []
    for parts in taken:
        try:
            cookies.append((parts[0], make_morsel(*parts)))
        except CookieError:
            continue
    return cookies


def report_refused(refused: tuple[int, list[str], int]) -> None:
    """Log what a server sent as cookies that are none."""
    invalid, illegal_names, over_limit = refused
    for name in illegal_names:
        logger.warning("Can not load cookies: Illegal cookie name %r", name)
    if invalid or over_limit:
        logger.debug(
            "Ignored %d invalid Set-Cookie field(s) and %d over the limit of a response",
            invalid,
            over_limit,
        )
