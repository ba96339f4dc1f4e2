"""`set_zlib_backend()`: which zlib aiohttp uses. This client has its own, in Rust."""

from __future__ import annotations

from typing import Any

from aioxide.http._aiohttp import lookup

__all__ = ["set_zlib_backend"]

#: What a module must have to be one.
NAMES = (
    "MAX_WBITS",
    "Z_FULL_FLUSH",
    "Z_SYNC_FLUSH",
    "Z_BEST_SPEED",
    "Z_FINISH",
    "compressobj",
    "decompressobj",
)


def set_zlib_backend(new_zlib_backend: Any) -> None:
    """Tell aiohttp, where it is installed, which module is its zlib: its server uses it.

    It changes nothing for this client, which compresses and decompresses natively. Raises TypeError
    for what is no zlib.
    """
    missing = [name for name in NAMES if not hasattr(new_zlib_backend, name)]
    if missing:
        raise TypeError(f"{new_zlib_backend!r} is no zlib: it has no {missing[0]}")
    set_theirs = lookup("compression_utils", "set_zlib_backend")
    if set_theirs is not None:
        set_theirs(new_zlib_backend)
