"""The warnings of what nobody closed.

Programs tell them apart by the module that warns (`ignore::ResourceWarning:asyncio.sslproto`), and
pytest's errors by the finalizer that failed. So they come from the line where asyncio's finalizer
warns, and out of a finalizer of the same name.
"""

from __future__ import annotations

import warnings
from asyncio import selector_events
from typing import TYPE_CHECKING, Any, TypeAlias

from aioxide._inside import base_events, sslproto, unix_events

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LEFT", "unclosed_loop"]

Warn: TypeAlias = "Callable[[str, object], None]"
"""Takes the text, and the object whose allocation tracemalloc is to tell."""


def warning_of(owner: Any, line: int) -> Warn:
    """Returns what warns as `owner.__del__()` does, `line` lines below its first."""
    finalizer = owner.__del__
    code = finalizer.__code__
    place = (code.co_filename, code.co_firstlineno + line, owner.__module__)
    # Held here, since modules lose their names when the interpreter ends.
    names = finalizer.__globals__
    explicit = warnings.warn_explicit
    category = ResourceWarning

    def warn(text: str, source: object) -> None:
        registry = names.setdefault("__warningregistry__", {})
        explicit(text, category, *place, registry, source=source)

    return warn


class Left:
    """Dropped in the place of a native object: Python tells of an error as of any finalizer's."""

    __slots__ = ("source", "text")

    def __init__(self, text: str, source: object) -> None:
        self.text = text
        self.source = source


def finalized_as(owner: Any, line: int) -> type[Left]:
    """Returns the class of what is left of `owner`'s native counterpart."""
    warn = warning_of(owner, line)

    def finalize(self: Left) -> None:
        warn(self.text, self.source)

    finalize.__qualname__ = f"{owner.__name__}.__del__"
    return type(owner.__name__, (Left,), {"__slots__": (), "__del__": finalize})


SOCKET = finalized_as(selector_events._SelectorTransport, 2)  # type: ignore[attr-defined]
LEFT = {
    "StreamTransport": SOCKET,
    "DatagramTransport": SOCKET,
    "TlsTransport": finalized_as(sslproto._SSLProtocolTransport, 3),
    "ReadPipeTransport": finalized_as(unix_events._UnixReadPipeTransport, 2),
    "WritePipeTransport": finalized_as(unix_events._UnixWritePipeTransport, 2),
}
"""What is left of each native class of transports."""

unclosed_loop = warning_of(base_events.BaseEventLoop, 2)
