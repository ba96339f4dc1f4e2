"""Bodies of several parts: writing them. aiohttp's are the oracle."""

import base64
import gzip
import io
import logging
import zlib

import aiohttp
import aiohttp.helpers
import aiohttp.multipart
import pytest

from aioxide.http import _multipart, _payload

from .parts import BOTH, written


def fill_nothing(writer, module):
    pass


def fill_plain(writer, module):
    writer.append("text")
    writer.append(b"bytes", {"X": "y"})
    writer.append(io.BytesIO(b"file"))
    writer.append_json({"a": 1})
    writer.append_form([("a", "1"), ("b", "ä")])
    writer.append_form({"a": "1"})


def fill_encoded(writer, module):
    for encoding in ("identity", "gzip", "deflate"):
        writer.append(b"data" * 3000, {"Content-Encoding": encoding})
    for encoding in ("binary", "base64", "quoted-printable"):
        writer.append(b"d\xc3\xa4ta=", {"Content-Transfer-Encoding": encoding})
    writer.append(b"x" * 99, {"Content-Encoding": "gzip", "Content-Transfer-Encoding": "base64"})


def fill_nested(writer, module):
    inner = module.MultipartWriter("mixed", "inner")
    inner.append("one")
    inner.append("two")
    writer.append(inner)
    writer.append("three")


FILLS = [fill_nothing, fill_plain, fill_encoded, fill_nested]


@pytest.mark.parametrize("fill", FILLS, ids=lambda fill: fill.__name__)
@BOTH
def test_body_is_that_of_aiohttp(run, module, fill):
    async def look(module):
        with module.MultipartWriter("mixed", "outer") as writer:
            fill(writer, module)
        return [
            writer.size,
            writer.boundary,
            dict(writer.headers),
            len(writer),
            bool(writer),
            [(type(part).__name__, *encodings) for part, *encodings in writer],
            await written(writer),
            await writer.as_bytes(),
            writer.decode("utf-8", "replace") if fill is not fill_encoded else None,
            writer.consumed,
        ]

    ours, theirs = run(look(module)), run(look(aiohttp.multipart))
    if fill is fill_encoded:  # the time of day is in gzip's header, the empty encoding is "" there
        assert inflated(ours[6]) == inflated(theirs[6])
        ours[5] = [tuple(x or None for x in entry) for entry in ours[5]]
        theirs[5] = [tuple(x or None for x in entry) for entry in theirs[5]]
        ours[6] = theirs[6] = None
    else:
        assert ours[0] == len(ours[6])
    ours[5] = [tuple(x or None for x in entry) for entry in ours[5]]
    theirs[5] = [tuple(x or None for x in entry) for entry in theirs[5]]
    assert ours == theirs


def inflated(data):
    parts = []
    for raw in data.split(b"--outer\r\n")[1:]:
        head, _, rest = raw.partition(b"\r\n\r\n")
        rest = rest.removesuffix(b"--outer--\r\n").removesuffix(b"\r\n")
        if b"base64" in head:
            rest = base64.b64decode(rest)
        if b"gzip" in head:
            rest = gzip.decompress(rest)
        if b"deflate" in head:
            rest = zlib.decompress(rest, wbits=-15)
        parts.append((head, rest))
    return parts


@pytest.mark.parametrize(
    "boundary", ["simple", "a b", "with:colon", 'q"uo\\te', "tab\there", "", "a" * 100]
)
def test_boundary_is_quoted_as_by_aiohttp(boundary):
    ours = _multipart.MultipartWriter("x", boundary).content_type
    assert ours == aiohttp.MultipartWriter("x", boundary).content_type


@pytest.mark.parametrize("boundary", ["ä", "a\r\nb", "a\x00", "a\x7f"])
def test_boundary_that_cannot_be_sent_is_refused(boundary):
    for cls in (_multipart.MultipartWriter, aiohttp.MultipartWriter):
        with pytest.raises(ValueError, match="boundary"):
            cls("x", boundary)


def test_boundary_is_random():
    boundaries = {_multipart.MultipartWriter().boundary for _ in range(10)}
    assert len(boundaries) == 10
    assert all(len(boundary) == 32 for boundary in boundaries)


@pytest.mark.parametrize("bad", ["a\r\nX: y", "a\nb", "a\x00b"])
@BOTH
def test_headers_of_a_part_that_would_be_two_are_refused(run, module, bad):
    for headers in ({"X": bad}, {bad: "x"}, {"Content-Type": bad}):
        writer = module.MultipartWriter("mixed", "b")
        writer.append(b"x", headers)
        with pytest.raises(ValueError, match="injection"):
            run(written(writer))
        with pytest.raises(ValueError, match="injection"):
            run(writer.as_bytes())
        with pytest.raises(ValueError, match="injection"):
            _ = writer.size
    with pytest.raises(ValueError, match="injection"):
        module.MultipartWriter(bad)


@BOTH
def test_encoding_that_is_not_known_is_refused(module):
    writer = module.MultipartWriter()
    with pytest.raises(RuntimeError, match="unknown content encoding: br"):
        writer.append("x", {"Content-Encoding": "br"})
    with pytest.raises(RuntimeError, match="unknown content transfer encoding: x"):
        writer.append("x", {"Content-Transfer-Encoding": "x"})
    with pytest.raises(TypeError, match="Cannot create payload"):
        writer.append(object())


def test_part_of_a_form_is_named_and_not_encoded():
    writer = _multipart.MultipartWriter("form-data")
    writer.append("x")
    writer.append("y")
    dispositions = [part.headers["Content-Disposition"] for part, _, _ in writer]
    assert dispositions == ['form-data; name="section-0"', 'form-data; name="section-1"']
    assert all("Content-Length" not in part.headers for part, _, _ in writer)
    for name in ("Content-Encoding", "Content-Length", "Content-Transfer-Encoding"):
        with pytest.raises(AssertionError):
            writer.append("x", {name: "1"})


def test_payload_of_aiohttp_may_be_a_part(run):
    writer = _multipart.MultipartWriter("mixed", "b")
    theirs = aiohttp.payload.StringPayload("x")
    assert writer.append(theirs, {"X": "y"}) is theirs
    data = run(written(writer))
    assert b"X: y\r\n" in data
    assert len(data) == writer.size


class Held(_payload.Payload):
    def __init__(self, fails=False, **attributes):
        super().__init__(None)
        self.__dict__.update(attributes)
        self.fails = fails
        self.closed = 0

    def decode(self, encoding="utf-8", errors="strict"):
        return ""

    async def write(self, writer):
        pass

    async def close(self):
        self.closed += 1
        if self.fails:
            raise OSError("no")


def test_every_part_is_closed_once_whatever_fails(run, caplog):
    parts = [Held(fails=True), Held(), Held(_autoclose=True), Held(_consumed=True)]
    writer = _multipart.MultipartWriter()
    for held in parts[:3]:
        writer.append(held)
    assert not writer.consumed
    writer.append(parts[3])
    assert writer.consumed
    with caplog.at_level(logging.ERROR):
        run(writer.close())
        run(writer.close())
    assert [held.closed for held in parts] == [1, 1, 0, 0]
    assert [record.getMessage() for record in caplog.records] == [
        "Failed to close multipart part 0: no"
    ]
