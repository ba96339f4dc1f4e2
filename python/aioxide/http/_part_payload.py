"""A part that is being received, as a body to send."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from aioxide.http._aiohttp import lookup
from aioxide.http._part_encoding import Inflater, decode_transfer
from aioxide.http._part_reader import BodyPartReader
from aioxide.http._payload import Order, Payload, register_payload

if TYPE_CHECKING:
    from aioxide.http._payload import PayloadWriter

__all__ = ["BodyPartReaderPayload"]

_CHUNK: Final = 2**18


class BodyPartReaderPayload(Payload):
    """The rest of a part, decoded, as it arrives. It can be written once."""

    _value: Any

    def __init__(self, value: Any, *args: Any, **kwargs: Any) -> None:
        """Make one of a BodyPartReader, of ours or of aiohttp's."""
        super().__init__(value, *args, **kwargs)
        names = {"name": value.name, "filename": value.filename}
        params = {key: name for key, name in names.items() if name is not None}
        if params:
            self.set_content_disposition("attachment", True, **params)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Raise TypeError: it has not arrived yet."""
        raise TypeError("Unable to decode.")

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Raise TypeError: it may be more than memory holds."""
        raise TypeError("Unable to read body part as bytes. Use write() to consume.")

    async def write(self, writer: PayloadWriter) -> None:
        """Write all of it. May be cancelled; it is consumed then."""
        part = self._value
        # What was read cannot be read again.
        self._consumed = True
        transfer = part.headers.get("Content-Transfer-Encoding", "").lower()
        encoding = "" if part._is_form_data else part.headers.get("Content-Encoding", "").lower()
        if encoding not in ("", "identity", "deflate", "gzip"):
            raise RuntimeError(f"unknown content encoding: {encoding}")
        inflater = Inflater(encoding, _CHUNK) if encoding in ("deflate", "gzip") else None
        held = b""
        while not part.at_eof():
            chunk = held + await part.read_chunk(size=_CHUNK)
            held = b""
            if transfer == "quoted-printable" and not part.at_eof():
                # An escape, or a soft line end, may go on in the next chunk.
                cut = chunk.rfind(b"=", max(0, len(chunk) - 2))
                if cut >= 0:
                    chunk, held = chunk[:cut], chunk[cut:]
            if transfer:
                chunk = decode_transfer(transfer, chunk)
            if not chunk:
                continue
            if inflater is None:
                await writer.write(chunk)
            else:
                async with aclosing(inflater.decode(chunk)) as pieces:
                    async for piece in pieces:
                        await writer.write(piece)


register_payload(BodyPartReaderPayload, BodyPartReader, order=Order.try_first)
# What a server of aiohttp's receives, and may pass on.
_THEIRS = lookup("multipart", "BodyPartReader")
if _THEIRS is not None:
    register_payload(BodyPartReaderPayload, _THEIRS, order=Order.try_first)
