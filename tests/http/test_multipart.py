"""Bodies of several parts: writing and reading them. aiohttp's are the oracle."""

import asyncio
import base64
import gzip
import io
import logging
import random
import warnings
import zlib

import aiohttp
import aiohttp.helpers
import aiohttp.multipart
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from aioxide.http import _content_disposition, _errors, _headers, _mimetype, _multipart, _payload
from aioxide.http._part_encoding import Inflater
from aioxide.http._streams import StreamReader

from .own import without_aiohttp

own = without_aiohttp()
BOTH = pytest.mark.parametrize("module", [_multipart, own._multipart], ids=["with", "without"])
RELATED = {"Content-Type": 'multipart/related; boundary=":"'}
FORM = {"Content-Type": 'multipart/form-data; boundary=":"'}


class Peer:
    connected = True

    def pause_reading(self):
        pass

    def resume_reading(self, resume_parser=True):
        pass


class Writer:
    def __init__(self):
        self.data = b""

    async def write(self, chunk):
        self.data += chunk


async def written(payload):
    writer = Writer()
    await payload.write(writer)
    return writer.data


def body(loop, data, size=None, cls=StreamReader):
    """A body that has arrived, in pieces of `size` bytes."""
    reader = cls(Peer(), 2**16, loop=loop)
    for start in range(0, len(data), size or len(data) or 1):
        reader.feed_data(data[start : start + (size or len(data))])
    reader.feed_eof()
    return reader


def part(loop, data, headers=(), size=None, module=_multipart, **options):
    """A part of `data`, which ends with the boundary, and the content that it is in."""
    headers = CIMultiDictProxy(CIMultiDict(headers))
    return module.BodyPartReader(b"--:", headers, body(loop, data, size), **options)


# Writing


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


# Content-Disposition and other headers

DISPOSITIONS = [
    "",
    "form-data",
    "Form-Data; Name=a",
    'form-data; name="a"; filename="b.txt"',
    'form-data; name="a;b"; filename="c"',
    'attachment; filename="f\\"oo.html"',
    "attachment; filename=foo bar.html",
    "attachment; filename*=UTF-8''foo-%c3%a4.html",
    "attachment; filename*=''a%20b",
    "attachment; filename*=nope''a",
    "attachment; filename*=utf-8''%ff",
    "attachment; filename*=utf-8'a",
    'attachment; filename*0="foo."; filename*1="html"',
    "attachment; filename*0*=utf-8''a%20; filename*1=b",
    "attachment; filename*1=b; filename*0=a",
    "attachment; filename*1=b",
    "attachment; filename*01=b",
    "attachment; filename*0**=b",
    "attachment; filename*0=a'b'c'd",
    "attachment; filename=a; filename=b",
    "attachment; a b=c",
    "attachment; =x",
    "attachment;",
    "attachment; ;a=b",
    "attachment; novalue",
    "at tachment; a=b",
    '"inline"; a=b',
    'attachment; filename="../../etc/passwd"',
    'attachment; filename="\\\\host\\share"',
    'attachment; filename="',
    'attachment; filename=""',
    'attachment; filename="a" ',
    'attachment; filename="a"; b="c;d;e"',
    "attachment; xfilename=foo.html",
    "inline; filename=\N{SNOWMAN}",
]


def test_disposition_is_read_as_by_aiohttp():
    def look(module, header):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kind, params = module.parse_content_disposition(header)
        names = [warning.category.__name__ for warning in caught]
        filename = module.content_disposition_filename(params)
        return kind, params, filename, [str(warning.message) for warning in caught], names

    for header in DISPOSITIONS:
        assert look(own._multipart, header) == look(aiohttp.multipart, header)


def test_pieces_of_a_name_that_make_no_charset_are_none():
    # aiohttp lets a ValueError through here.
    params = {"filename*0": "a'b"}
    assert _multipart.content_disposition_filename(params) is None


@pytest.mark.parametrize("quote", [True, False])
@pytest.mark.parametrize("value", ["a", "ä☃", 'q"u\\o', "a b", "tab\t", "%41", ""])
@pytest.mark.parametrize("key", ["name", "filename", "other"])
def test_disposition_is_written_as_by_aiohttp(quote, value, key):
    args = ("form-data", quote)
    ours = _content_disposition.content_disposition_header(*args, **{key: value})
    assert ours == aiohttp.helpers.content_disposition_header(*args, **{key: value})


@pytest.mark.parametrize(
    ("obj", "default"), [("x", None), (io.BytesIO(), "d"), (None, "d"), (1, None)]
)
def test_name_of_a_file_is_guessed_as_by_aiohttp(obj, default):
    class Named:
        name = obj

    for thing in (obj, Named(), type("Angled", (), {"name": "<stdin>"})()):
        assert _content_disposition.guess_filename(thing, default) == (
            aiohttp.helpers.guess_filename(thing, default)
        )


@pytest.mark.parametrize(
    "value",
    [
        "",
        "text/html",
        "Text/HTML; Charset=UTF-8",
        'application/ld+json; a="b"; a=c;',
        "*",
        "x",
        "a/b/c",
        ";;",
        "a/b; =c; d",
    ],
)
def test_content_type_is_read_as_by_aiohttp(value):
    ours, theirs = _mimetype.parse_mimetype(value), aiohttp.helpers.parse_mimetype(value)
    assert (ours.type, ours.subtype, ours.suffix) == (theirs.type, theirs.subtype, theirs.suffix)
    assert ours.parameters == theirs.parameters


@pytest.mark.parametrize(
    "lines",
    [
        [b"A: b", b"a: c", b"", b"D: e"],
        [b"A:b", b"C: \t d \t"],
        [b"A: \xc3\xa4\xff"],
        [],
        [b"A"],
        [b": b"],
        [b"A : b"],
        [b" A: b"],
        [b"A: b", b" c"],
        [b"A\xc3\xa4: b"],
        [b"A: b\x00"],
        [b"A: b\rc"],
        [b"A: b\x7f"],
        [b"A: b\tc"],
        [b"Content-Type: a", b"content-type: b"],
        [b"X: a", b"x: b"],
    ],
)
def test_header_lines_are_read_as_by_aiohttp(lines):
    def look(parse):
        try:
            return list(parse([*lines, b""]).items())
        except Exception as error:
            return type(error), str(error)

    parser = aiohttp.http.HeadersParser()
    assert look(_headers.parse_headers) == look(lambda lines: parser.parse_headers(lines)[0])


# Reading a part


@pytest.mark.parametrize("size", [1, 3, None])
@BOTH
def test_part_is_read_up_to_its_boundary(run, loop, module, size):
    for data in (b"", b"x", b"one\r\ntwo", b"\r\n", b"\r\n--", b"x--:", b"\r\r\n", b"x" * 20_000):
        reader = part(loop, data + b"\r\n--:--", size=size, module=module)
        assert run(reader.read()) == data
        assert reader.at_eof()
        assert run(reader.read()) == b""
        assert run(reader.read_chunk()) == b""
        assert run(reader.next()) is None


@pytest.mark.parametrize("length", [None, "given"])
def test_chunks_are_no_longer_than_asked_for(run, loop, length):
    data = bytes(range(256)) * 100

    async def main():
        for size in (1, 7, 100, 8192, 100_000):
            headers = {"Content-Length": str(len(data))} if length else {}
            reader = part(loop, data + b"\r\n--:--", headers, size=1000)
            chunks = []
            while not reader.at_eof():
                chunks.append(await reader.read_chunk(size))
                assert len(chunks[-1]) <= size
            assert b"".join(chunks) == data

    run(main())


@pytest.mark.parametrize("data", [b"", b"abc", b"abc\r\n", b"abc\r\n--", b"abc\r\n--;--"])
def test_part_that_does_not_end_is_an_error(run, loop, data):
    for read in ("read", "release"):
        with pytest.raises(ValueError, match="Reading after EOF"):
            run(getattr(part(loop, data), read)())


@pytest.mark.parametrize("data", [b"", b"ab", b"abc", b"abcd\r\n--:--", b"abc\n--:--"])
def test_part_that_is_not_as_long_as_it_says_is_an_error(run, loop, data):
    with pytest.raises(ValueError, match="did not read all the data"):
        run(part(loop, data, {"Content-Length": "3"}).read())


@pytest.mark.parametrize("length", ["-1", "+1", "1_0", " 1", "\u0661", "x", ""])
def test_length_that_is_no_number_is_refused(loop, length):
    for module in (_multipart, aiohttp.multipart):
        with pytest.raises(ValueError, match="invalid Content-Length"):
            part(loop, b"", {"Content-Length": length}, module=module)


def test_length_of_a_part_of_a_form_is_not_used(run, loop):
    reader = part(loop, b"abc\r\n--:--", {"Content-Length": "1"}, subtype="form-data")
    assert run(reader.read()) == b"abc"


@pytest.mark.parametrize("size", [1, None])
def test_lines_end_before_the_boundary(run, loop, size):
    async def lines(module):
        data = b"one\r\ntwo\n\r\nthree\r\n--:--\r\n"
        reader = part(loop, data, size=size, module=module)
        seen = []
        while not reader.at_eof():
            seen.append(await reader.readline())
        return seen

    ours = run(lines(_multipart))
    assert ours == run(lines(aiohttp.multipart))
    assert ours == [b"one\r\n", b"two\n", b"\r\n", b"three", b""]


def test_lines_and_chunks_may_be_mixed(run, loop):
    async def main():
        reader = part(loop, b"one\r\ntwo\r\nthree\r\nfour\r\n--:--")
        assert await reader.readline() == b"one\r\n"
        chunk = await reader.read_chunk(2)
        assert chunk in (b"t", b"tw")
        assert chunk + await reader.readline() == b"two\r\n"
        assert await reader.read() == b"three\r\nfour"

    run(main())


def test_size_of_a_part_is_limited(run, loop):
    data = b"x" * 100 + b"\r\n--:--"
    assert run(part(loop, data, client_max_size=100).read()) == b"x" * 100
    for error in (ValueError, KeyError):
        reader = part(loop, data, client_max_size=99, max_size_error_cls=error)
        with pytest.raises(error, match="99"):
            run(reader.read())
    bomb = gzip.compress(bytes(1000), mtime=0)
    reader = part(loop, bomb + b"\r\n--:--", {"Content-Encoding": "gzip"}, client_max_size=999)
    with pytest.raises(ValueError, match="999"):
        run(reader.read(decode=True))


ENCODED = [
    ({"Content-Encoding": "gzip"}, gzip.compress(b"data" * 5000, mtime=0)),
    ({"Content-Encoding": "GZIP"}, gzip.compress(b"da", mtime=0) + gzip.compress(b"ta", mtime=0)),
    ({"Content-Encoding": "identity"}, b"data"),
    ({"Content-Transfer-Encoding": "base64"}, base64.encodebytes(b"data" * 5000)),
    ({"Content-Transfer-Encoding": "quoted-printable"}, b"=E2=98=83=\r\nx"),
    ({"Content-Transfer-Encoding": "8bit"}, b"data"),
    (
        {"Content-Encoding": "gzip", "Content-Transfer-Encoding": "base64"},
        base64.b64encode(gzip.compress(b"data", mtime=0)),
    ),
]


@pytest.mark.parametrize(("headers", "data"), ENCODED)
@BOTH
def test_part_is_decoded_as_by_aiohttp(run, loop, module, headers, data):
    async def look(module):
        data_ = data + b"\r\n--:--"
        reader = part(loop, data_, headers, module=module)
        result = [await reader.read(decode=True)]
        reader = part(loop, data_, headers, module=module)
        result.append(reader.decode(await reader.read()))
        await loop.shutdown_default_executor()
        return result

    ours = run(look(module))
    loop._default_executor = None
    loop._executor_shutdown_called = False
    assert ours == run(look(aiohttp.multipart))


def test_deflate_without_a_header_is_decoded(run, loop):
    compress = zlib.compressobj(wbits=-15)
    data = compress.compress(b"data") + compress.flush()
    reader = part(loop, data + b"\r\n--:--", {"Content-Encoding": "deflate"})
    assert run(reader.read(decode=True)) == b"data"


@pytest.mark.parametrize("name", ["Content-Encoding", "Content-Transfer-Encoding"])
def test_encoding_of_a_part_that_is_not_known_is_an_error(run, loop, name):
    reader = part(loop, b"x\r\n--:--", {name: "unknown"})
    with pytest.raises(RuntimeError, match="unknown"):
        run(reader.read(decode=True))


def test_encoding_of_a_part_of_a_form_is_not_undone(run, loop):
    headers = {"Content-Encoding": "gzip"}
    reader = part(loop, b"x\r\n--:--", headers, subtype="form-data")
    assert run(reader.read(decode=True)) == b"x"


def test_part_is_decoded_in_bounded_pieces(run, loop):
    async def main():
        data = gzip.compress(bytes(10_000), mtime=0)
        reader = part(loop, b"", {"Content-Encoding": "gzip"}, max_decompress_size=1000)
        assert reader.decode(data) == bytes(1000)
        assert [len(piece) async for piece in reader.decode_iter(data)] == [1000] * 10

    run(main())


def test_members_of_a_part_are_limited(run):
    async def main():
        inflater = Inflater("gzip", 100)
        with pytest.raises(_errors.ContentEncodingError, match="More than 1024"):
            async for _ in inflater.decode(gzip.compress(b"x", mtime=0) * 100):
                pass
            async for _ in inflater.decode(gzip.compress(b"x", mtime=0) * 1000):
                pass

    run(main())


@pytest.mark.parametrize("size", [4, 5, 6, 7, 64, 100])
def test_chunks_of_base64_can_be_decoded_each(run, loop, size):
    data = bytes(range(256)) * 4

    async def main():
        for encoded in (base64.b64encode(data), base64.encodebytes(data)):
            reader = part(
                loop, encoded + b"\r\n--:--", {"Content-Transfer-Encoding": "base64"}, size=50
            )
            decoded = b""
            while not reader.at_eof():
                decoded += reader.decode(await reader.read_chunk(size))
            assert decoded == data

    run(main())


def test_base64_without_end_of_a_group_does_not_grow(run, loop):
    async def main():
        data = b"A" + b" " * 100_000 + b"\r\n--:--"
        reader = part(loop, data, {"Content-Transfer-Encoding": "base64"})
        while not reader.at_eof():
            assert len(await reader.read_chunk(1000)) <= 1000
            assert len(reader._b64_carry) <= 1000

    run(main())


@BOTH
def test_part_is_read_as_what_it_is(run, loop, module):
    async def main():
        latin = {"Content-Type": "text/plain; charset=latin-1"}
        assert await part(loop, b"\xe4\r\n--:--", latin, module=module).text() == "ä"
        text = part(loop, b"\xc3\xa4\r\n--:--", module=module)
        assert await text.text(encoding="latin-1") == "Ã¤"
        assert await part(loop, b"\xc3\xa4\r\n--:--", module=module).text() == "ä"
        charset = part(loop, b"\xe4\r\n--:--", default_charset="latin-1", module=module)
        assert await charset.text() == "ä"
        assert await part(loop, b'{"a": 1}\r\n--:--', module=module).json() == {"a": 1}
        assert await part(loop, b"\r\n--:--", module=module).json() is None
        form = part(loop, b"a=1&b=%C3%A4&c=\r\n--:--", module=module)
        assert await form.form() == [("a", "1"), ("b", "ä"), ("c", "")]
        assert await part(loop, b"\r\n--:--", module=module).form() == []
        with pytest.raises(ValueError, match="cannot be decoded with utf-8"):
            await part(loop, b"\xff\r\n--:--", module=module).form()

    run(main())


def test_part_has_names(loop):
    headers = {"Content-Disposition": 'form-data; name="a"; filename="b.txt"'}
    named = part(loop, b"", headers)
    assert (named.name, named.filename) == ("a", "b.txt")
    assert (part(loop, b"").name, part(loop, b"").filename) == (None, None)


@pytest.mark.parametrize("theirs", [False, True])
@pytest.mark.parametrize(("headers", "data"), ENCODED)
def test_part_can_be_sent_on(run, loop, headers, data, theirs):
    async def main():
        module = aiohttp.multipart if theirs else _multipart
        expected = await part(loop, data + b"\r\n--:--", headers).read(decode=True)
        named = {**headers, "Content-Disposition": 'form-data; name="a"; filename="ä"'}
        payload = _payload.get_payload(part(loop, data + b"\r\n--:--", named, module=module))
        assert type(payload) is _multipart.BodyPartReaderPayload
        assert payload.headers["Content-Disposition"].startswith("attachment; name")
        assert not payload.consumed
        assert await written(payload) == expected
        assert payload.consumed
        with pytest.raises(TypeError):
            payload.decode()
        with pytest.raises(TypeError):
            await payload.as_bytes()
        await loop.shutdown_default_executor()

    run(main())


# Reading several

BODIES = {
    "one": b"--:\r\n\r\ntest\r\n--:--\r\n",
    "preamble": b"preamble\r\nmore\r\n--:\r\n\r\ntest\r\n--:--\r\n",
    "headers": b"--:\r\nX: y\r\nContent-Type: text/x\r\n\r\na\r\n--:\r\n\r\nb\r\n--:--",
    "lengths": b"--:\r\nContent-Length: 3\r\n\r\nabc\r\n--:\r\nContent-Length: 0\r\n\r\n\r\n--:--",
    "empty parts": b"--:\r\n\r\n\r\n--:\r\n\r\n\r\n--:--\r\n",
    "none": b"--:--\r\n",
    "epilogue": b"--:\r\n\r\ntest\r\n--:--\r\nepilogue\r\n",
    "nested": (
        b'--:\r\nContent-Type: multipart/mixed; boundary="in"\r\n\r\n'
        b"--in\r\n\r\none\r\n--in\r\n\r\ntwo\r\n--in--\r\n\r\n--:\r\n\r\nthree\r\n--:--\r\n"
    ),
    "nothing": b"",
    "no boundary": b"text\r\n",
    "cut short": b"--:\r\n\r\ntest",
    "cut in a header": b"--:\r\nX: y",
    "bad boundary": b"--:\r\n\r\ntest\r\n--:;\r\n\r\nx\r\n--:--",
    "bad header": b"--:\r\nX y\r\n\r\nx\r\n--:--",
    "bad length": b"--:\r\nContent-Length: x\r\n\r\nx\r\n--:--",
    "wrong length": b"--:\r\nContent-Length: 2\r\n\r\nxyz\r\n--:--",
    "two lengths": b"--:\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nxyz\r\n--:--",
}


async def collect(reader):
    seen = []
    while (item := await reader.next()) is not None:
        if hasattr(item, "read"):
            seen.append((dict(item.headers), bytes(await item.read())))
        else:
            seen.append((dict(item.headers), await collect(item)))
    assert reader.at_eof()
    return seen


async def collected(reader):
    try:
        return await collect(reader)
    except Exception as error:
        return type(error).__name__


@BOTH
def test_parts_are_those_that_aiohttp_reads(run, loop, module):
    for name, data in BODIES.items():
        for size in (1, 2, 5, None):
            ours = run(collected(module.MultipartReader(RELATED, body(loop, data, size))))
            theirs = run(collected(aiohttp.MultipartReader(RELATED, body(loop, data, size))))
            assert ours == theirs, (name, size)


def test_parts_of_a_random_body_are_what_was_written(run, loop):
    async def main():
        for seed in range(100):
            rng = random.Random(seed)
            parts = [
                bytes(rng.choices(b"\r\n-:x", k=rng.randint(0, 40)))
                for _ in range(rng.randint(0, 4))
            ]
            if any(b"\r\n--:" in b"\r\n" + data for data in parts):
                continue
            writer = _multipart.MultipartWriter("mixed", ":")
            for data in parts:
                payload = writer.append(data)
                if rng.random() < 0.7:
                    del payload.headers["Content-Length"]
            data = await written(writer)
            reader = _multipart.MultipartReader(RELATED, body(loop, data, rng.randint(1, 20)))
            assert [data for _, data in await collect(reader)] == parts, seed

    run(main())


def test_part_of_parts_may_end_with_its_last_boundary(run, loop):
    # aiohttp takes the next boundary for the epilogue.
    data = BODIES["nested"].replace(b"--in--\r\n\r\n--:", b"--in--\r\n--:")
    seen = run(collect(_multipart.MultipartReader(RELATED, body(loop, data))))
    assert [data for _, data in seen[0][1]] == [b"one", b"two"]
    assert seen[1][1] == b"three"


def test_epilogue_of_a_part_of_parts_is_skipped(run, loop):
    # aiohttp takes the second line for a bad boundary.
    data = BODIES["nested"].replace(b"--in--\r\n", b"--in--\r\nepi\r\nlogue\r\n")
    seen = run(collect(_multipart.MultipartReader(RELATED, body(loop, data))))
    assert [data for _, data in seen[0][1]] == [b"one", b"two"]
    assert seen[1][1] == b"three"


def test_parts_that_are_not_read_are_skipped(run, loop):
    async def main():
        for name, count in (("headers", 2), ("nested", 2), ("lengths", 2)):
            reader = _multipart.MultipartReader(RELATED, body(loop, BODIES[name]))
            assert len([item async for item in reader]) == count
            reader = _multipart.MultipartReader(RELATED, body(loop, BODIES[name]))
            await reader.release()
            assert reader.at_eof()
            assert await reader.next() is None

    run(main())


def test_body_is_read_to_its_end(run, loop):
    content = body(loop, BODIES["headers"] + b"\r\n")
    run(_multipart.MultipartReader(RELATED, content).release())
    assert content.at_eof()


@BOTH
def test_form_may_say_its_charset(run, loop, module):
    async def main():
        boundary = b"--" + b"x" * 60
        headers = {"Content-Type": f"multipart/form-data; boundary={'x' * 60}"}
        data = (
            b'%b\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\nlatin-1\r\n'
            b'%b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xe4\r\n%b--\r\n'
        ) % (boundary, boundary, boundary)
        reader = module.MultipartReader(headers, body(loop, data))
        field = await reader.next()
        assert field.name == "a"
        assert await field.text() == "ä"
        assert await reader.next() is None
        long = data.replace(b"latin-1", b"l" * 32)
        with pytest.raises(RuntimeError, match="Invalid default charset"):
            await module.MultipartReader(headers, body(loop, long)).next()

    run(main())


def test_headers_of_a_part_are_limited(run, loop):
    def reader(head, **options):
        data = b"--:\r\n" + head + b"\r\n\r\nx\r\n--:--"
        return _multipart.MultipartReader(RELATED, body(loop, data), **options)

    many = b"\r\n".join(b"X: y" for _ in range(128))
    assert len(run(reader(many).next()).headers) == 128
    with pytest.raises(_errors.BadHttpMessage, match="Too many headers"):
        run(reader(many + b"\r\nX: y").next())
    with pytest.raises(_errors.LineTooLong):
        run(reader(b"X: " + b"y" * 8190).next())
    with pytest.raises(_errors.LineTooLong):
        run(reader(b"X: yyyy", max_field_size=6).next())
    with pytest.raises(_errors.BadHttpMessage, match="Too many headers"):
        run(reader(b"X: y\r\nX: y", max_headers=1).next())


def test_limits_hold_in_a_part_of_parts(run, loop):
    async def main():
        data = BODIES["nested"].replace(b"--in\r\n\r\none", b"--in\r\nX: y\r\nX: y\r\n\r\none")
        reader = _multipart.MultipartReader(RELATED, body(loop, data), max_headers=1)
        inner = await reader.next()
        with pytest.raises(_errors.BadHttpMessage, match="Too many headers"):
            await inner.next()
        reader = _multipart.MultipartReader(RELATED, body(loop, data), client_max_size=2)
        inner = await reader.next()
        field = await inner.next()
        with pytest.raises(ValueError, match="2"):
            await field.read()

    run(main())


@pytest.mark.parametrize("module", [_multipart, aiohttp.multipart], ids=["ours", "aiohttps"])
def test_content_type_without_a_good_boundary_is_refused(loop, module):
    content = body(loop, b"")
    with pytest.raises(ValueError, match="boundary missed"):
        module.MultipartReader({"Content-Type": "multipart/mixed"}, content)
    with pytest.raises(ValueError, match="too long"):
        module.MultipartReader({"Content-Type": f"multipart/x; boundary={'x' * 71}"}, content)
    with pytest.raises(AssertionError):
        module.MultipartReader({"Content-Type": "text/plain"}, content)


def test_readers_of_parts_may_be_a_programs_own(run, loop):
    class Part(_multipart.BodyPartReader):
        pass

    class Inner(_multipart.MultipartReader):
        pass

    class Outer(_multipart.MultipartReader):
        part_reader_cls = Part
        multipart_reader_cls = Inner

    async def main():
        reader = Outer(RELATED, body(loop, BODIES["nested"]))
        assert [type(item) async for item in reader] == [Inner, Part]
        plain = _multipart.MultipartReader(RELATED, body(loop, BODIES["nested"]))
        assert type(await plain.next()) is _multipart.MultipartReader

    run(main())


def test_last_part_releases_the_response(run, loop):
    class Response:
        headers = RELATED
        released = 0

        async def release(self):
            self.released += 1

    async def main():
        response = Response()
        response.content = body(loop, BODIES["headers"] + b"\r\n")
        reader = _multipart.MultipartReader.from_response(response)
        assert type(reader) is _multipart.MultipartResponseWrapper
        assert not reader.at_eof()
        parts = [item async for item in reader]
        assert len(parts) == 2
        assert response.released == 1
        assert reader.at_eof()

    run(main())


@pytest.mark.parametrize("cls", [StreamReader, aiohttp.StreamReader])
def test_body_may_still_be_arriving(run, loop, cls):
    async def main():
        content = cls(Peer(), 2**16, loop=loop)
        task = loop.create_task(collect(_multipart.MultipartReader(RELATED, content)))
        for byte in BODIES["nested"]:
            await asyncio.sleep(0)
            content.feed_data(bytes([byte]))
        content.feed_eof()
        seen = await task
        assert seen[1][1] == b"three"

    run(main())
