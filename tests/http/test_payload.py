"""Payloads: what is written for which data, with which headers. aiohttp's are the oracle."""

import asyncio
import io
import json
import os
import warnings

import aiohttp
import aiohttp.payload
import pytest

from aioxide.http import _payload, _payload_file, _streams

from .own import without_aiohttp

own = without_aiohttp()


class Writer:
    """Keeps what is written."""

    def __init__(self):
        self.pieces = []

    async def write(self, chunk):
        self.pieces.append(bytes(chunk))

    @property
    def data(self):
        return b"".join(self.pieces)


async def written(payload, length=None):
    writer = Writer()
    await payload.write_with_length(writer, length)
    return writer.data


@pytest.fixture
def close_executor(run, loop):
    yield
    run(loop.shutdown_default_executor())


CASES = {
    "bytes": lambda p: p.get_payload(b"abc"),
    "bytearray": lambda p: p.get_payload(bytearray(b"abc")),
    "memoryview": lambda p: p.get_payload(memoryview(b"abc")),
    "bytes with a type": lambda p: p.get_payload(b"abc", content_type="image/png"),
    "bytes with a name": lambda p: p.get_payload(b"abc", content_type=None, filename="a.html"),
    "bytes of an unknown kind": lambda p: p.get_payload(b"a", content_type=None, filename="a.zzz"),
    "bytes with headers": lambda p: p.get_payload(b"abc", headers={"X": "y"}),
    "bytes with pairs": lambda p: p.get_payload(b"abc", headers=[("X", "y"), ("X", "z")]),
    "text": lambda p: p.get_payload("ä☃"),
    "latin text": lambda p: p.get_payload("ä", encoding="latin-1"),
    "text of a type": lambda p: p.get_payload("ä", content_type="text/html; charset=cp1252"),
    "text of both": lambda p: p.get_payload("ä", content_type="text/x", encoding="utf-16"),
    "text of a type without": lambda p: p.get_payload("ä", content_type="text/html"),
    "StringIO": lambda p: p.get_payload(io.StringIO("ä☃")),
    "BytesIO": lambda p: p.get_payload(io.BytesIO(b"abc")),
    "named BytesIO": lambda p: p.get_payload(io.BytesIO(b"abc"), filename="ä.png"),
    "inline BytesIO": lambda p: p.get_payload(io.BytesIO(b"a"), filename="a", disposition="inline"),
    "JSON": lambda p: p.JsonPayload({"a": "ä"}),
    "other JSON": lambda p: p.JsonPayload([1], "utf-16", "a/b", lambda value: str(value)),
    "JSON bytes": lambda p: p.JsonBytesPayload([1], lambda value: json.dumps(value).encode()),
}


@pytest.mark.parametrize("module", [_payload, own._payload], ids=["with", "without"])
def test_payload_is_that_of_aiohttp(run, module):
    async def look(payload):
        return [
            payload.size,
            payload.content_type,
            list(payload.headers.items()),
            payload._binary_headers,
            payload.encoding,
            payload.filename,
            payload.autoclose,
            await written(payload),
            await written(payload),
            await written(payload, 2),
            await written(payload, 0),
            await written(payload, 100),
            await payload.as_bytes(),
            payload.consumed,
            await payload.close(),
            payload.consumed,
        ]

    for name, make in CASES.items():
        ours, theirs = make(module), make(aiohttp.payload)
        assert type(ours).__name__ == type(theirs).__name__
        assert run(look(ours)) == run(look(theirs)), name


def test_classes_of_aiohttp_are_all_there():
    theirs = set(aiohttp.payload.__all__)
    assert theirs <= set(_payload.__all__)


def test_text_of_bytes_is_decoded():
    for value in (b"\xc3\xa4", bytearray(b"\xc3\xa4"), memoryview(b"\xc3\xa4")):
        assert _payload.BytesPayload(value).decode() == "ä"
        assert _payload.BytesPayload(value).decode("latin-1") == "Ã¤"


def test_numbers_are_cut_by_bytes_not_by_items(run):
    numbers = memoryview(b"abcdefgh").cast("I")
    assert run(written(_payload.get_payload(numbers), 3)) == b"abc"


def test_what_is_no_bytes_is_refused():
    with pytest.raises(TypeError, match="byte-ish"):
        _payload.BytesPayload("text")


def test_large_bytes_warn():
    with pytest.warns(ResourceWarning, match="large body"):
        _payload.get_payload(bytes(2**20 + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _payload.get_payload(bytes(2**20))


# Files


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "böse.txt"
    path.write_bytes(b"0123456789" * 60_000)
    return path


@pytest.mark.parametrize("mode", ["rb", "r+b", "r"])
@pytest.mark.parametrize("skip", [0, 7])
@pytest.mark.usefixtures("close_executor")
def test_file_is_sent_as_by_aiohttp(run, path, mode, skip):
    async def look(module):
        with path.open(mode) as file:
            file.read(skip)
            payload = module.get_payload(file)
            return [
                payload.size,
                list(payload.headers.items()),
                payload.filename,
                payload.autoclose,
                await written(payload),
                await written(payload, 300_000),
                await written(payload, 5),
                await payload.as_bytes(),
                payload.size,
                payload.consumed,
            ]

    ours = run(look(_payload))
    assert ours == run(look(aiohttp.payload))
    assert ours[4] == path.read_bytes()[skip:]
    assert ours[5] == ours[4][:300_000]


@pytest.mark.usefixtures("close_executor")
def test_file_is_read_in_large_pieces_in_another_thread(run, path):
    async def main():
        with path.open("rb") as file:
            payload = _payload.get_payload(file)
            writer = Writer()
            await payload.write(writer)
            assert [len(piece) for piece in writer.pieces] == [2**18, 2**18, 600_000 - 2**19]

    run(main())
    assert _payload_file.CHUNK == aiohttp.helpers.DEFAULT_CHUNK_SIZE


@pytest.mark.usefixtures("close_executor")
def test_raw_file_is_read_to_its_end(run, path):
    async def main():
        with path.open("rb", buffering=0) as file:
            payload = _payload.get_payload(file)
            assert type(payload) is _payload.IOBasePayload
            assert await written(payload) == path.read_bytes()
            assert await payload.as_bytes() == path.read_bytes()
            assert payload.decode() == path.read_text()

    run(main())


@pytest.mark.usefixtures("close_executor")
def test_text_in_another_encoding_is_sent_in_full(run, path):
    path.write_text("ä" * 100_000, encoding="latin-1")

    async def main():
        with path.open(encoding="latin-1") as file:
            payload = _payload.TextIOPayload(file, encoding="utf-16-le")
            assert await written(payload) == ("ä" * 100_000).encode("utf-16-le")
            assert payload.decode() == "ä" * 100_000
            assert payload.content_type == "text/plain; charset=utf-16-le"
            # It has a mark, once.
            payload = _payload.TextIOPayload(file, encoding="utf-16")
            file.seek(0)
            for _ in range(2):
                assert await written(payload) == ("ä" * 100_000).encode("utf-16")

    run(main())


@pytest.mark.usefixtures("close_executor")
def test_pipe_is_sent_once(run):
    async def main():
        reading, writing = os.pipe()
        os.write(writing, b"abc")
        os.close(writing)
        with open(reading, "rb") as file:
            payload = _payload.get_payload(file)
            assert payload.size is None
            assert not payload.consumed
            assert await written(payload) == b"abc"
            assert payload.consumed
            assert await written(payload) == b""

    run(main())


@pytest.mark.usefixtures("close_executor")
def test_file_is_closed_in_another_thread_and_once(run, loop, path):
    async def main():
        file = path.open("rb")
        payload = _payload.get_payload(file)
        await payload.close()
        assert payload.consumed
        await payload.close()
        await loop.shutdown_default_executor()
        assert file.closed

    run(main())


def test_memory_is_not_closed(run):
    file = io.BytesIO(b"abc")
    run(_payload.get_payload(file).close())
    assert not file.closed


def test_memory_lets_others_run_between_its_pieces(run, loop):
    async def main():
        turns = []
        loop.call_soon(turns.append, 1)
        data = bytes(2 * 2**18)
        assert await written(_payload.get_payload(io.BytesIO(data))) == data
        assert turns == [1]

    run(main())


# Iterables


async def pieces():
    for piece in (b"one", b"two", b"three"):
        yield piece


def test_iterable_is_sent_once_and_run_to_its_end(run):
    async def main():
        ended = []

        async def generate():
            for piece in (b"one", b"two", b"three"):
                yield piece
            ended.append(True)

        payload = _payload.get_payload(generate())
        assert type(payload) is _payload.AsyncIterablePayload
        assert payload.size is None
        assert payload.content_type == "application/octet-stream"
        assert not payload.consumed
        with pytest.raises(TypeError, match="not cached"):
            payload.decode()
        assert await written(payload, 5) == b"onetw"
        assert ended == [True]
        assert payload.consumed
        assert await written(payload) == b""
        assert await payload.as_bytes() == b""

    run(main())


def test_iterable_that_was_read_is_kept(run):
    async def main():
        payload = _payload.get_payload(pieces())
        assert await payload.as_bytes() == b"onetwothree"
        assert not payload.consumed
        assert await payload.as_bytes() == b"onetwothree"
        assert payload.decode() == "onetwothree"
        for length, expected in ((None, b"onetwothree"), (4, b"onet"), (0, b"")):
            assert await written(payload, length) == expected

    run(main())


def test_interrupted_iterable_is_consumed(run):
    class Full:
        async def write(self, chunk):
            raise ConnectionResetError

    async def main():
        source = pieces()
        payload = _payload.get_payload(source)
        with pytest.raises(ConnectionResetError):
            await payload.write(Full())
        assert payload.consumed
        await source.aclose()

    run(main())


def test_what_is_no_iterable_is_refused():
    with pytest.raises(TypeError, match="AsyncIterable interface"):
        _payload.AsyncIterablePayload(object())


class Peer:
    connected = True

    def pause_reading(self):
        pass

    def resume_reading(self, resume_parser=True):
        pass


@pytest.mark.parametrize("cls", [_streams.StreamReader, aiohttp.StreamReader])
def test_body_that_is_received_can_be_sent(run, loop, cls):
    async def main():
        body = cls(Peer(), 2**16, loop=loop)
        body.feed_data(b"one\ntwo")
        body.feed_data(b"three")
        body.feed_eof()
        payload = _payload.get_payload(body)
        assert type(payload) is _payload.StreamReaderPayload
        writer = Writer()
        await payload.write(writer)
        assert writer.pieces == [b"one\ntwothree"]

    run(main())


# The registry


class Custom(_payload.Payload):
    def decode(self, encoding="utf-8", errors="strict"):
        return "x"

    async def write(self, writer):
        await writer.write(b"x")


class CustomOfAiohttp(aiohttp.payload.Payload):
    def decode(self, encoding="utf-8", errors="strict"):
        return "y"

    async def write(self, writer):
        await writer.write(b"y")


def test_payload_stays_itself():
    for cls in (Custom, CustomOfAiohttp):
        payload = cls(None)
        assert _payload.get_payload(payload) is payload
        assert aiohttp.get_payload(payload) is payload
        assert isinstance(payload, aiohttp.Payload)
        assert _payload.is_payload(payload)
    assert not _payload.is_payload(b"x")
    theirs = aiohttp.payload.BytesPayload(b"x")
    assert _payload.get_payload(theirs) is theirs


def test_payload_of_a_program_gets_by_with_little(run):
    payload = Custom(None, content_type="a/b")
    assert payload.size is None
    assert run(written(payload, 0)) == b"x"
    assert run(payload.as_bytes()) == b"x"
    assert run(payload.close()) is None


def test_factories_are_asked_in_order():
    registry = _payload.PayloadRegistry()

    class Base:
        pass

    class Derived(Base):
        pass

    def factory(name):
        return lambda data, *args, **kwargs: name

    registry.register(factory("last"), object, order=_payload.Order.try_last)
    registry.register(factory("base"), Base)
    assert registry.get(Derived()) == "base"
    registry.register(factory("exact"), (Derived, int))
    assert registry.get(Derived()) == "exact"
    assert registry.get(1) == "exact"
    assert registry.get("other") == "last"
    registry.register(factory("first"), Base, order=aiohttp.payload.Order.try_first)
    assert registry.get(Derived()) == "first"
    with pytest.raises(ValueError, match="Unsupported order"):
        registry.register(factory("x"), int, order="never")


def test_data_of_no_known_type_is_refused():
    with pytest.raises(_payload.PayloadLookupError):
        _payload.get_payload(object())
    with pytest.raises(own._payload.PayloadLookupError):
        own._payload.get_payload(object())
    assert _payload.PayloadLookupError is aiohttp.payload.LookupError


def test_types_can_be_registered_here_and_with_aiohttp(run):
    class Mine:
        pass

    class Theirs:
        pass

    @_payload.payload_type(Mine)
    class MinePayload(Custom):
        pass

    @aiohttp.payload_type(Theirs)
    class TheirsPayload(CustomOfAiohttp):
        pass

    assert type(_payload.get_payload(Mine(), content_type="a/b")) is MinePayload
    assert type(_payload.get_payload(Theirs())) is TheirsPayload


@pytest.mark.parametrize("bad", ["a\r\nX: y", "a\nb", "a\x00b", "a\x7fb"])
def test_headers_that_would_be_two_are_refused(bad):
    for headers in ({"X": bad}, {bad: "x"}):
        with pytest.raises(ValueError, match="injection"):
            _ = Custom(None, headers=headers)._binary_headers
    with pytest.raises(ValueError, match="injection"):
        _ = Custom(None, content_type=bad)._binary_headers
    with pytest.raises(ValueError, match=r"injection|bad content disposition"):
        Custom(None).set_content_disposition("form-data", quote_fields=False, name=bad)
    with pytest.raises(ValueError, match="bad content disposition"):
        Custom(None).set_content_disposition(bad)


def test_cancelled_write_of_a_file_ends(run, loop, path):
    class Slow:
        def __init__(self):
            self.entered = asyncio.Event()

        async def write(self, chunk):
            self.entered.set()
            await loop.create_future()

    async def main():
        with path.open("rb") as file:
            slow = Slow()
            task = loop.create_task(_payload.get_payload(file).write(slow))
            await slow.entered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await loop.shutdown_default_executor()

    run(main())
