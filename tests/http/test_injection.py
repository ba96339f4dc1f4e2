"""What a program passes on unseen does not become another line, header, part or request."""

import asyncio
import contextlib
from http.cookies import CookieError

import pytest
from multidict import CIMultiDict

import aioxide
from aioxide import http

from .wire import answer, fetch

BREAKS = ["\r\n", "\n", "\r", "\0"]
INJECTED = [f"a{end}X-Injected: yes" for end in BREAKS]


async def sent(server, session, method="GET", url=None, **options):
    """The request that came of it, or the error."""
    asking = asyncio.ensure_future(fetch(session, url or server.url, method, **options))
    accepting = asyncio.ensure_future(server.accept())
    await asyncio.wait([asking, accepting], return_when=asyncio.FIRST_COMPLETED)
    if asking.done():
        accepting.cancel()
        await asyncio.wait([accepting])
        return asking.exception()
    wire = await accepting
    requesting = asyncio.ensure_future(wire.until(b"\r\n\r\n"))
    await asyncio.wait([asking, requesting], return_when=asyncio.FIRST_COMPLETED)
    if asking.done():
        requesting.cancel()
        await asyncio.wait([requesting])
        assert wire.unread == b""
        return asking.exception()
    head = await requesting
    wire.send(answer(b"", "Connection: close"))
    await asking
    return head


async def written(payload):
    """What a payload writes, or the error."""
    pieces = []

    class Sink:
        async def write(self, data):
            pieces.append(bytes(data))

    try:
        await payload.write(Sink())
    except ValueError as error:
        return error
    return b"".join(pieces)


def refused(result):
    return isinstance(
        result, (ValueError, TypeError, AttributeError, CookieError, http.ClientError)
    )


def clean(result):
    """Refused, or sent with nothing of the kind."""
    return refused(result) or b"\nx-injected" not in result.lower().replace(b"\r", b"\n")


@pytest.mark.parametrize("value", INJECTED, ids=repr)
class TestLineBreaks:
    async def test_in_a_method(self, server, session, value):
        assert refused(await sent(server, session, value))

    async def test_in_a_header_name(self, server, session, value):
        assert refused(await sent(server, session, headers={value: "b"}))

    async def test_in_a_header_value(self, server, session, value):
        assert refused(await sent(server, session, headers={"X": value}))

    async def test_in_a_later_copy_of_a_header(self, server, session, value):
        headers = CIMultiDict([("X", "fine"), ("X", value)])
        assert refused(await sent(server, session, headers=headers))

    async def test_in_a_header_of_the_session(self, server, make_session, value):
        session = make_session(headers={"X": value})
        assert refused(await sent(server, session))

    async def test_in_a_header_of_the_session_on_a_reused_connection(
        self, server, make_session, value
    ):
        session = make_session()
        _, (wire, _) = await asyncio.gather(fetch(session, server.url), server.answers(answer()))
        session.headers["X"] = value
        asking = asyncio.ensure_future(fetch(session, server.url))
        requesting = asyncio.ensure_future(wire.recv())
        await asyncio.wait([asking])
        assert refused(asking.exception())
        await session.close()
        assert await requesting == b""

    async def test_in_the_host_header(self, server, session, value):
        assert refused(await sent(server, session, headers={"Host": value}))

    async def test_in_the_user_agent(self, server, session, value):
        assert refused(await sent(server, session, headers={"User-Agent": value}))

    async def test_in_the_content_type(self, server, session, value):
        result = await sent(server, session, "POST", data=b"x", headers={"Content-Type": value})
        assert refused(result)

    async def test_in_a_cookie_value(self, server, session, value):
        assert clean(await sent(server, session, cookies={"a": value}))

    async def test_in_a_cookie_name(self, server, session, value):
        assert clean(await sent(server, session, cookies={value: "a"}))

    async def test_in_a_cookie_of_the_session(self, server, make_session, value):
        jar = http.CookieJar(unsafe=True)
        try:
            jar.update_cookies({"a": value})
        except (ValueError, CookieError):
            return
        session = make_session(cookie_jar=jar)
        assert clean(await sent(server, session))

    async def test_in_a_path(self, server, session, value):
        assert clean(await sent(server, session, url=server.url + value))

    async def test_in_a_query(self, server, session, value):
        assert clean(await sent(server, session, url=server.url + "?a=" + value))
        assert clean(await sent(server, session, params={"a": value}))
        assert clean(await sent(server, session, params={value: "a"}))
        assert clean(await sent(server, session, params=value))

    async def test_in_an_encoded_url(self, server, session, value):
        yarl = pytest.importorskip("yarl")
        try:
            url = yarl.URL(server.url + value, encoded=True)
        except ValueError:
            return
        assert clean(await sent(server, session, url=url))

    async def test_in_a_host(self, server, session, value):
        url = f"http://127.0.0.1{value}:{server.port}/"
        assert clean(await sent(server, session, url=url))

    async def test_in_an_encoded_host(self, server, session, value):
        yarl = pytest.importorskip("yarl")
        try:
            url = yarl.URL.build(
                scheme="http", authority=f"127.0.0.1{value}:{server.port}", path="/", encoded=True
            )
        except ValueError:
            return
        assert clean(await sent(server, session, url=url))

    async def test_in_credentials(self, server, session, value):
        header = http.encode_basic_auth(value.replace(":", ""), value)
        assert clean(await sent(server, session, headers={"Authorization": header}))

    async def test_in_the_origin_and_protocols_of_a_websocket(self, server, session, value):
        for options in ({"origin": value}, {"protocols": [value]}, {"headers": {"X": value}}):
            with pytest.raises((ValueError, http.ClientError)):
                await session.ws_connect(server.url, **options)

    async def test_in_the_method_of_a_websocket(self, server, session, value):
        with pytest.raises((ValueError, http.ClientError)):
            await session.ws_connect(server.url, method=value)

    @pytest.mark.parametrize("part", ["name", "filename", "content_type"])
    async def test_in_a_part_of_a_form(self, server, session, value, part):
        options = {"name": "a", "filename": "b", "content_type": "text/plain", part: value}
        try:
            form = http.FormData()
            form.add_field(options.pop("name"), b"x", **options)
            body = form()
        except (ValueError, TypeError):
            return

        assert clean(await written(body))

    async def test_in_the_headers_of_a_part(self, server, session, value):
        for headers in ({"X": value}, {value: "x"}):
            with http.MultipartWriter() as writer, contextlib.suppress(ValueError):
                writer.append(b"x", headers)
            assert clean(await written(writer))

    async def test_in_the_headers_of_a_proxy(self, server, session, value):
        for url in ("http://inside.example/", "https://inside.example/"):
            result = await sent(
                server, session, url=url, proxy=server.url, proxy_headers={"X": value}
            )
            assert clean(result)

    async def test_in_the_host_behind_a_proxy(self, server, session, value):
        for scheme in ("http", "https"):
            url = f"{scheme}://inside{value}.example/"
            result = await sent(server, session, url=url, proxy=server.url)
            assert clean(result)


@pytest.mark.parametrize("character", [*map(chr, range(0x20)), *' ()<>@,;:\\"/[]?={}', "\x7f", "é"])
async def test_method_is_a_token(server, session, character):
    assert refused(await sent(server, session, f"G{character}T"))


@pytest.mark.parametrize("character", [*map(chr, range(0x21)), *'()<>@,;:\\"/[]?={}', "\x7f", "é"])
async def test_header_name_is_a_token(server, session, character):
    assert refused(await sent(server, session, headers={f"X{character}Y": "z"}))


@pytest.mark.parametrize("name", ["", " "])
async def test_header_name_is_not_empty(server, session, name):
    assert refused(await sent(server, session, headers={name: "z"}))


@pytest.mark.parametrize("version", [(1, "1\r\nX-Injected: yes"), ("1\r\n", 1), "1.1\r\nX: y"])
async def test_version_is_two_numbers(server, loop, version):
    async def ask():
        async with http.ClientSession(version=version) as session:
            return await sent(server, session)

    try:
        result = await ask()
    except (TypeError, ValueError, AttributeError):
        return
    assert clean(result)


async def test_chunked_and_a_length_are_not_both_sent(server, session):
    result = await sent(
        server, session, "POST", data=b"x", headers={"Content-Length": "1"}, chunked=True
    )
    assert refused(result)
    result = await sent(
        server,
        session,
        "POST",
        data=b"x",
        headers={"Content-Length": "1", "Transfer-Encoding": "chunked"},
    )
    assert refused(result) or (b"content-length" in result.lower()) != (
        b"transfer-encoding" in result.lower()
    )


async def test_several_lengths_are_not_sent(server, session):
    headers = CIMultiDict([("Content-Length", "1"), ("Content-Length", "5")])
    result = await sent(server, session, "POST", data=b"x", headers=headers)
    assert refused(result) or result.lower().count(b"content-length") == 1


def test_native_encoder_refuses_by_itself():
    """Whatever comes before it: it is the last one to look."""
    for end in BREAKS:
        for method, target, headers in (
            (f"GET{end}", "/", {}),
            ("GET", f"/{end}x", {}),
            ("GET", "/", {f"a{end}b": "c"}),
            ("GET", "/", {"a": f"b{end}c"}),
            ("GET", "/ HTTP/1.1\r\nX:", {}),
        ):
            with pytest.raises(ValueError, match=r"."):
                aioxide._aioxide.encode_request_head(method, target, CIMultiDict(headers), 1)
