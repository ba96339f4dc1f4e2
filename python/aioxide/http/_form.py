"""A form to send: fields and files."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from multidict import MultiDict, MultiDictProxy

from aioxide.http._content_disposition import guess_filename
from aioxide.http._headers import safe_header
from aioxide.http._multipart_writer import MultipartWriter
from aioxide.http._payload import BytesPayload, get_payload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aioxide.http._payload import Payload

__all__ = ["FormData"]


class FormData:
    """Fields of a form: urlencoded, or multipart/form-data if one is a file or has a type.

    Called, it makes the payload; a multipart one has then taken the fields.
    """

    def __init__(
        self,
        fields: Iterable[Any] = (),
        quote_fields: bool = True,
        charset: str | None = None,
        *,
        default_to_multipart: bool = False,
    ) -> None:
        """Make one of a dict, of pairs, or of anything else that add_fields() takes.

        `quote_fields` is whether names that are not ASCII are percent-encoded; `charset` is that of
        the values, by default UTF-8.
        """
        self._writer = MultipartWriter("form-data")
        self._fields: list[tuple[MultiDict[str], dict[str, str], Any]] = []
        self._is_multipart = default_to_multipart
        self._quote_fields = quote_fields
        self._charset = charset
        if isinstance(fields, dict):
            self.add_fields(*fields.items())
        elif isinstance(fields, (list, tuple)):
            self.add_fields(*fields)
        else:
            self.add_fields(fields)

    @property
    def is_multipart(self) -> bool:
        """Whether it is sent as multipart/form-data."""
        return self._is_multipart

    def add_field(
        self,
        name: str,
        value: Any,
        *,
        content_type: str | None = None,
        filename: str | None = None,
        content_transfer_encoding: str | None = None,
    ) -> None:
        """Add a field. A file, a `content_type` and a `filename` make the form multipart.

        Raises ValueError for a control character in one of the three texts, TypeError for one that
        is no text. Bytes without a `filename` are a file of the field's name, and
        `content_transfer_encoding` is not used: both are deprecated, and warn.
        """
        if isinstance(value, io.IOBase):
            self._is_multipart = True
        elif (
            isinstance(value, (bytes, bytearray, memoryview))
            and filename is None
            and content_transfer_encoding is None
        ):
            warnings.warn(
                "In v4, passing bytes will no longer create a file field. "
                "Please explicitly use the filename parameter or pass a BytesIO object.",
                DeprecationWarning,
                stacklevel=2,
            )
            filename = name
        disposition: MultiDict[str] = MultiDict({"name": safe_header(name)})
        headers: dict[str, str] = {}
        if filename is None and isinstance(value, io.IOBase):
            filename = guess_filename(value, name)
        if filename is not None:
            disposition["filename"] = safe_header(_text("filename", filename))
            self._is_multipart = True
        if content_type is not None:
            headers["Content-Type"] = safe_header(_text("content_type", content_type))
            self._is_multipart = True
        if content_transfer_encoding is not None:
            _text("content_transfer_encoding", content_transfer_encoding)
            warnings.warn(
                "content_transfer_encoding is deprecated. "
                "To maintain compatibility with v4 please pass a BytesPayload.",
                DeprecationWarning,
                stacklevel=2,
            )
            self._is_multipart = True
        self._fields.append((disposition, headers, value))

    def add_fields(self, *fields: Any) -> None:
        """Add fields: pairs of name and value, open files, or multidicts. Raises TypeError else."""
        for field in fields:
            if isinstance(field, io.IOBase):
                self.add_field(guess_filename(field, "unknown") or "unknown", field)
            elif not isinstance(field, (MultiDict, MultiDictProxy)):
                if not isinstance(field, (list, tuple)) or len(field) != 2:
                    raise TypeError(
                        "Only io.IOBase, multidict and (name, file) "
                        "pairs allowed, use .add_field() for passing "
                        f"more complex parameters, got {field!r}"
                    )
                self.add_field(field[0], field[1])
        # Multidicts come after what is beside them.
        for field in fields:
            if isinstance(field, (MultiDict, MultiDictProxy)):
                for name, value in field.items():
                    self.add_field(name, value)

    def _urlencoded(self) -> BytesPayload:
        charset = self._charset if self._charset is not None else "utf-8"
        content_type = "application/x-www-form-urlencoded"
        if charset != "utf-8":
            content_type += f"; charset={charset}"
        pairs = [(disposition["name"], value) for disposition, _, value in self._fields]
        body = urlencode(pairs, doseq=True, encoding=charset).encode()
        return BytesPayload(body, content_type=content_type)

    def _multipart(self) -> MultipartWriter:
        for disposition, headers, value in self._fields:
            options: dict[str, Any] = {"headers": headers, "encoding": self._charset}
            if "Content-Type" in headers:
                options["content_type"] = headers["Content-Type"]
            try:
                part = get_payload(value, **options)
            except Exception as error:
                raise TypeError(
                    f"Can not serialize value type: {type(value)!r}\n "
                    f"headers: {headers!r}\n value: {value!r}"
                ) from error
            part.set_content_disposition(
                "form-data", quote_fields=self._quote_fields, **disposition
            )
            # A part of a form has none, and some servers do not like it.
            part.headers.popall("Content-Length", None)
            self._writer.append_payload(part)
        self._fields.clear()
        return self._writer

    def __call__(self) -> Payload:
        """Make the payload. Raises TypeError for a value that none can be made of."""
        return self._multipart() if self._is_multipart else self._urlencoded()


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be an instance of str. Got: {value}")
    return value
