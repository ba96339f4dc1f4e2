"""A body to send, and how one is found for what a program gives as `data`."""

from __future__ import annotations

import enum
import mimetypes
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar

from multidict import CIMultiDict

from aioxide.http._aiohttp import lookup, shared
from aioxide.http._content_disposition import content_disposition_header
from aioxide.http._headers import header_block

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "PAYLOAD_REGISTRY",
    "Order",
    "Payload",
    "PayloadLookupError",
    "PayloadRegistry",
    "PayloadWriter",
    "get_payload",
    "is_payload",
    "payload_type",
    "register_payload",
]

_F = TypeVar("_F", bound="Callable[..., Any]")


class PayloadWriter(Protocol):
    """What a payload writes itself to."""

    async def write(self, chunk: bytes | bytearray | memoryview, /) -> None:
        """Write, and wait until there is room for more. May be cancelled."""


@shared("payload", name="LookupError")
class PayloadLookupError(Exception):
    """Nothing is registered for the type of the data."""


class Payload(ABC):
    """A body to send, with the headers that describe it.

    A subclass gives decode(), write() and, where it knows, `_size`; write_with_length() where it
    can be cut; and as_bytes() and close() where that is more than what is inherited.
    """

    _default_content_type: str = "application/octet-stream"
    _size: int | None = None
    _consumed: bool = False
    _autoclose: bool = False

    def __init__(
        self,
        value: Any,
        headers: CIMultiDict[str] | dict[str, str] | Iterable[tuple[str, str]] | None = None,
        content_type: Any = None,
        filename: str | None = None,
        encoding: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Make one of `value`.

        The Content-Type is `content_type`, else guessed by the file's name, else the class's own;
        `headers` may replace it.
        """
        self._encoding = encoding
        self._filename = filename
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._value = value
        # Not always None: aiohttp's subclasses pass a mark of their own for "not given".
        if isinstance(content_type, str):
            self._headers["Content-Type"] = content_type
        else:
            guessed = None if filename is None else _guess_type(filename)
            self._headers["Content-Type"] = guessed or self._default_content_type
        if headers:
            self._headers.update(headers)

    @property
    def size(self) -> int | None:
        """How many bytes will be written, None if that is not known."""
        return self._size

    @property
    def filename(self) -> str | None:
        """The name of the file that it is sent as."""
        return self._filename

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers that describe it. They may be changed."""
        return self._headers

    @property
    def _binary_headers(self) -> bytes:
        return header_block(self._headers)

    @property
    def encoding(self) -> str | None:
        """The encoding of text."""
        return self._encoding

    @property
    def content_type(self) -> str:
        """The Content-Type."""
        return self._headers["Content-Type"]

    @property
    def consumed(self) -> bool:
        """Whether it is used up: a redirect or a retry cannot send it again."""
        return self._consumed

    @property
    def autoclose(self) -> bool:
        """Whether nothing has to be closed."""
        return self._autoclose

    def set_content_disposition(
        self,
        disptype: str,
        quote_fields: bool = True,
        _charset: str = "utf-8",
        **params: Any,
    ) -> None:
        """Set the Content-Disposition. Raises ValueError for what a header cannot hold."""
        self._headers["Content-Disposition"] = content_disposition_header(
            disptype, quote_fields=quote_fields, _charset=_charset, **params
        )

    @abstractmethod
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text. It may read a file, without a thread."""

    @abstractmethod
    async def write(self, writer: PayloadWriter) -> None:
        """Write all of it. May be cancelled; part of it is written then."""

    async def write_with_length(self, writer: PayloadWriter, content_length: int | None) -> None:
        """Write up to `content_length` bytes of it, all if that is None. May be cancelled."""
        await self.write(writer)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The body as bytes. Text is encoded in its own encoding, or else in this."""
        encoding = self._encoding or encoding
        return self.decode(encoding, errors).encode(encoding)

    def _close(self) -> None:  # noqa: B027 - most hold nothing
        """Begin to close, without waiting for anything."""

    async def close(self) -> None:
        """Close what it holds. It does not wait, so it may be called while being cancelled."""
        self._close()


# A payload of aiohttp's is one here, too; and one of ours is one to aiohttp.
_THEIRS: Any = lookup("payload", "Payload")
if _THEIRS is not None:
    _THEIRS.register(Payload)
    # Those of aiohttp before 3.12 cannot be closed or asked whether they are used up.
    for _name, _part in vars(Payload).items():
        if not _name.startswith("__") and not hasattr(_THEIRS, _name):
            setattr(_THEIRS, _name, _part)


def is_payload(data: object) -> TypeGuard[Payload]:
    """Whether it is a payload, of ours or of aiohttp's."""
    return isinstance(data, Payload) or (_THEIRS is not None and isinstance(data, _THEIRS))


def _guess_type(filename: str) -> str | None:
    if sys.version_info >= (3, 13):
        guess = mimetypes.guess_file_type
    else:
        guess = mimetypes.guess_type
    return guess(filename)[0]


@shared("payload")
class Order(str, enum.Enum):  # noqa: UP042 - not a StrEnum to aiohttp either
    """When a factory is asked: before those that are asked by the exact type, among them, last."""

    normal = "normal"
    try_first = "try_first"
    try_last = "try_last"


class PayloadRegistry:
    """Which factory makes a payload of which types of data."""

    __slots__ = ("_first", "_last", "_normal", "_normal_lookup", "changes")

    def __init__(self) -> None:
        #: How often something was registered.
        self.changes = 0
        self._first: list[tuple[Callable[..., Any], Any]] = []
        self._normal: list[tuple[Callable[..., Any], Any]] = []
        self._last: list[tuple[Callable[..., Any], Any]] = []
        self._normal_lookup: dict[Any, Callable[..., Any]] = {}

    def get(self, data: Any, *args: Any, **kwargs: Any) -> Payload:
        """Make a payload; one that is a payload already stays itself.

        Factories are asked in the order: those of `try_first`; that of exactly this type; those of
        a base class, in the order of registration; those of `try_last`; and those that were
        registered with aiohttp. Raises PayloadLookupError where none fits.
        """
        payload: Payload
        for factory, kind in self._first:
            if isinstance(data, kind):
                payload = factory(data, *args, **kwargs)
                return payload
        exact = self._normal_lookup.get(type(data))
        if exact is not None:
            payload = exact(data, *args, **kwargs)
            return payload
        if is_payload(data):
            return data
        for factory, kind in chain(self._normal, self._last):
            if isinstance(data, kind):
                payload = factory(data, *args, **kwargs)
                return payload
        if _THEIR_REGISTRY is None:
            raise PayloadLookupError
        payload = _THEIR_REGISTRY.get(data, *args, **kwargs)
        return payload

    def gives_to(self, kind: type, factory: Callable[..., Any] | None) -> bool:
        """Whether data of exactly this type is given to a factory; to none, if that is None."""
        first = any(issubclass(kind, types) for _, types in self._first)
        return not first and self._normal_lookup.get(kind) is factory

    def register(
        self, factory: Callable[..., Any], type: Any, *, order: Order = Order.normal
    ) -> None:
        """Register a factory for a type or a tuple of types."""
        self.changes += 1
        if order is Order.try_first:
            self._first.append((factory, type))
        elif order is Order.normal:
            self._normal.append((factory, type))
            for kind in type if isinstance(type, Iterable) else (type,):
                self._normal_lookup[kind] = factory
        elif order is Order.try_last:
            self._last.append((factory, type))
        else:
            raise ValueError(f"Unsupported order {order!r}")


_THEIR_REGISTRY: Any = lookup("payload", "PAYLOAD_REGISTRY")

PAYLOAD_REGISTRY = PayloadRegistry()
"""What get_payload() looks in."""


def get_payload(data: Any, *args: Any, **kwargs: Any) -> Payload:
    """Make a payload of data. Raises PayloadLookupError where nothing fits."""
    return PAYLOAD_REGISTRY.get(data, *args, **kwargs)


def register_payload(
    factory: Callable[..., Any], type: Any, *, order: Order = Order.normal
) -> None:
    """Register a factory of payloads for a type or a tuple of types."""
    PAYLOAD_REGISTRY.register(factory, type, order=order)


class payload_type:  # noqa: N801 - aiohttp's name
    """Register the decorated class of payloads for a type or a tuple of types."""

    def __init__(self, type: Any, *, order: Order = Order.normal) -> None:
        self.type = type
        self.order = order

    def __call__(self, factory: _F) -> _F:
        register_payload(factory, self.type, order=self.order)
        return factory
