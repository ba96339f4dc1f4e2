"""Versions: of HTTP, and what the client calls itself."""

from __future__ import annotations

import sys
from typing import NamedTuple

from aioxide import _aioxide


class HttpVersion(NamedTuple):
    """A version of HTTP, as (major, minor)."""

    major: int
    minor: int


HttpVersion10 = HttpVersion(1, 0)
HttpVersion11 = HttpVersion(1, 1)

#: The User-Agent of requests that name none. Servers that look for aiohttp find it.
SERVER_SOFTWARE = (
    f"Python/{sys.version_info[0]}.{sys.version_info[1]} aioxide/{_aioxide.__version__} (aiohttp)"
)
