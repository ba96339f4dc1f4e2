"""What programs and packages do at the edges of aiohttp's client, and what they put into it."""

import asyncio
import functools
import sys
import warnings

import aiohttp
import witness  # noqa: F401
from aiohttp.helpers import sentinel
from yarl import URL


async def told(label, awaitable):
    """What comes of it, or the error."""
    try:
        print(label, await awaitable)
    except Exception as error:
        cause = error.__cause__
        print(label, type(error).__name__, *([] if cause is None else [type(cause).__name__]))


async def got(request, how="read"):
    async with request as response:
        return response.status, await getattr(response, how)()


async def without_bodies(base):
    """A response that has no body by its nature stays readable after its end; others do not."""
    async with aiohttp.ClientSession(base) as session:
        for method, code in [
            ("GET", 204),
            ("GET", 304),
            ("HEAD", 200),
            ("HEAD", 404),
            ("GET", 200),
        ]:
            async with session.request(method, f"/status/{code}") as response:
                print(method, code, type(response.content).__name__, response.content.is_eof())
            await told("content", response.content.read())
            await told("text", response.text())
            response = await session.request(method, f"/status/{code}")
            response.release()
            await told("released", response.read())
            await told("again", response.read())


async def types(base):
    async with aiohttp.ClientSession(base) as session:
        for kind in ("text", ";;;", "*", "a/b/c", "Application/JSON; Charset=UTF-8", "x/y;a"):
            async with session.get("/heads", params={"type": kind}) as response:
                print(kind, response.content_type, response.charset, await response.read())
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    print(response.url_obj == response.url, caught[0].category.__name__)


async def mistakes(base):
    url = f"{base}/status/200"
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            for value in (1, None, b"bytes", 1.5, True):
                await told(f"header {value!r}", got(session.get(url, headers={"X": value})))
            await told("fine", got(session.get(url, headers={"X": "1"})))
        try:
            await session.get(url, header={})
        except TypeError as error:
            # Newer Pythons have a guess at what was meant.
            print(str(error).partition(". ")[0])
    async with aiohttp.ClientSession(headers={"X": 0}) as session:
        for _ in range(2):
            await told("session", got(session.get(url)))
            await told("own", got(session.get(url, headers={"X": "1"})))


async def broken(base):
    async with aiohttp.ClientSession(base) as session:
        for path in ("/cut/length", "/cut/chunked", "/garbled"):
            try:
                await got(session.get(path))
            except aiohttp.ClientPayloadError as error:
                cause = type(error.__cause__).__name__
                print(path, cause, path == "/garbled" or f"completed: <{cause}: 400," in str(error))
        for frame in ("f300", "8102ffff"):
            async with session.ws_connect("/talk") as socket:
                await socket.send_str(frame)
                message = await socket.receive()
                print(message.type.name, message.data.code.name, socket.close_code.name)


async def options(base):
    url = f"{base}/status/200"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for option in ({"read_timeout": 7}, {"conn_timeout": 7}):
            async with aiohttp.ClientSession(**option) as session:
                limits = session.timeout
                print(option, limits.total, limits.connect, limits.sock_connect)
                await told("made", got(session.get(url)))
    async with aiohttp.ClientSession(timeout=sentinel) as session:
        print("not given", session.timeout.total, await got(session.get(url, timeout=sentinel)))
    for option in ({"limit": None}, {"limit_per_host": None}, {"limit": 0}):
        connector = aiohttp.TCPConnector(**option)
        async with aiohttp.ClientSession(connector=connector) as session:
            asked = [got(session.get(url)) for _ in range(3)]
            print(option, connector.limit, connector.limit_per_host, await asyncio.gather(*asked))
    session = aiohttp.ClientSession()
    for _ in range(2):
        await got(session.get(url))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        del session
        print("forgotten", any("client session" in str(w.message) for w in caught))


async def changed(base):
    """Change a session between its requests, in the ways that programs have found."""
    url = f"{base}/said"
    other = url.replace("127.0.0.1", "localhost")

    async def said():
        async with session.get(url) as response:
            found = await response.json()
        print(found)

    async def started(session, context, params):
        print("started", params.url.path)

    async with aiohttp.ClientSession() as session:
        await said()
        config = aiohttp.TraceConfig()
        config.on_request_start.append(started)
        config.freeze()
        session.trace_configs.append(config)
        await said()
        session.trace_configs.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            session._default_auth = aiohttp.BasicAuth("ann", "secret")
        await said()
        session._default_auth = None
        session._version = aiohttp.HttpVersion10
        await said()
        session._version = aiohttp.HttpVersion11
        session._skip_auto_headers = frozenset({"User-Agent"})
        await said()
        session._default_headers = {"X-Changed": "yes"}
        await said()
        # One connector knows this host first, the other another.
        connector = aiohttp.TCPConnector()
        async with aiohttp.ClientSession(connector=connector, connector_owner=False) as second:
            await got(second.get(other))
            await got(second.get(url))
        old, session._connector = session._connector, connector
        await said()
        await old.close()


class Ready(aiohttp.ClientResponse):
    """What tests of packages have in the place of a response."""

    def __init__(self, body):
        self.status = 200
        self._loop = None
        self._cache = {}
        self._body = body
        self._headers = {"Content-Type": "text/plain; charset=latin-1"}


async def ready(base):
    response = Ready(b"\xe4 " + str(len(URL(base).scheme)).encode())
    print(await response.read(), await response.text(), response.ok)
    response.raise_for_status()
    response.close()
    print(response.closed)
    await told("closed", response.read())


async def stand_in(base):
    """Put a server in the place of all others, connections that are there already included."""
    seen = []
    place = URL(base)

    async def resolve_host(self, host, port, traces=None):
        seen.append(("resolve", host))
        found = {"hostname": host, "host": "127.0.0.1", "port": place.port, "family": 2}
        return [{**found, "proto": 0, "flags": 0}]

    async def get(self, key, traces):
        connection = await original_get(self, key, traces)
        seen.append(("get", key.host, connection is not None))
        if connection is not None:
            connection.close()

    names = place.with_host("localhost") / "status/200"
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            await got(session.get(names))
        original_get = aiohttp.TCPConnector._get
        original_resolve = aiohttp.TCPConnector._resolve_host
        aiohttp.TCPConnector._get = get
        aiohttp.TCPConnector._resolve_host = resolve_host
        try:
            for url in (names, names, names.with_host("nowhere.test")):
                await told("stood in", got(session.get(url)))
        finally:
            aiohttp.TCPConnector._get = original_get
            aiohttp.TCPConnector._resolve_host = original_resolve
        print("idle", len(session.connector._conns))
        await told("as before", got(session.get(names)))
        print(seen)


async def ends(secret):
    """Wait until the connections of a session have ended, as was advised for aiohttp and TLS."""
    ended = asyncio.Event()
    lost = []

    def connection_lost(exception, original):
        lost.append(exception)
        original(exception)
        ended.set()

    async with aiohttp.ClientSession() as session:
        await told("over TLS", got(session.get(f"{secret}/status/200", ssl=False)))
        for connections in session.connector._conns.values():
            for protocol, _ in connections:
                tls = protocol.transport._ssl_protocol
                replaced = functools.partial(connection_lost, original=tls.connection_lost)
                tls.connection_lost = replaced
    await ended.wait()
    print("ended", lost)


async def main(base, secret):
    for part in (without_bodies, types, mistakes, broken, options, changed, ready, stand_in):
        print("==", part.__name__)
        await part(base)
    print("==", ends.__name__)
    await ends(secret)


asyncio.run(main(*sys.argv[1:]))
