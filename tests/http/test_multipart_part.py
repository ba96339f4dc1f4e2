"""Reading one part. aiohttp's readers are the oracle."""

import base64
import gzip
import zlib

import aiohttp
import aiohttp.helpers
import aiohttp.multipart
import pytest

from aioxide.http import _errors, _multipart, _payload
from aioxide.http._part_encoding import Inflater

from .parts import BOTH, part, written


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
