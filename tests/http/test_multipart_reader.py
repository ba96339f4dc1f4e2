"""Reading bodies of several parts. aiohttp's readers are the oracle."""

import asyncio
import random

import aiohttp
import aiohttp.helpers
import aiohttp.multipart
import pytest

from aioxide.http import _errors, _multipart
from aioxide.http._streams import StreamReader

from .parts import BOTH, RELATED, Peer, body, written

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
