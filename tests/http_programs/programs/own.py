"""What programs do with aiohttp themselves: classes derived from each of its own, and URLs."""

import asyncio
import io
import json
import sys
from http.cookies import SimpleCookie

import aiohttp
import witness  # noqa: F401
from aiohttp.abc import AbstractCookieJar, AbstractResolver
from yarl import URL


class Connector(aiohttp.TCPConnector):
    """Counts what is made, and what is taken from the pool."""

    made = 0
    asked = 0

    async def connect(self, req, traces, timeout):
        self.asked += 1
        return await super().connect(req, traces, timeout)

    async def _create_connection(self, req, traces, timeout):
        self.made += 1
        return await super()._create_connection(req, traces, timeout)


class Resolver(AbstractResolver):
    """Knows names that nobody else does."""

    def __init__(self, port):
        self.port = port
        self.asked = []

    async def resolve(self, host, port=0, family=0):
        self.asked.append(host)
        if not host.endswith(".test"):
            raise OSError(f"no {host}")
        found = {"hostname": host, "host": "127.0.0.1", "port": port, "family": 2}
        return [{**found, "proto": 0, "flags": 0}]

    async def close(self):
        self.asked.append("closed")


class Response(aiohttp.ClientResponse):
    async def field(self, name):
        return (await self.json())[name]


class Socket(aiohttp.ClientWebSocketResponse):
    """Counts what is received, by a method that aiohttp's own iteration goes through."""

    heard = 0

    async def receive(self, timeout=None):
        self.heard += 1
        return await super().receive(timeout)


class Jar(aiohttp.CookieJar):
    def filter_cookies(self, request_url):
        found = super().filter_cookies(request_url)
        found["extra"] = "1"
        return found


class NoJar(AbstractCookieJar):
    """From the abstract class, with nothing in it."""

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def clear(self, predicate=None):
        pass

    def clear_domain(self, domain):
        pass

    def update_cookies(self, cookies, response_url=None):
        self.updated = dict(cookies)

    def filter_cookies(self, request_url):
        return SimpleCookie()

    unsafe = quote_cookie = True
    cookies = host_only_cookies = None


class Api(aiohttp.ClientSession):
    """A session of a program's own: it signs its requests, and tries again."""

    tries = 0

    async def _request(self, method, str_or_url, **options):
        options["headers"] = {**(options.get("headers") or {}), "X-Signed": "yes"}
        while True:
            self.tries += 1
            response = await super()._request(method, str_or_url, **options)
            if response.status != 503:
                return response
            response.release()


async def connectors(base, path):
    port = URL(base).port
    resolver = Resolver(port)
    connector = Connector(resolver=resolver, limit_per_host=2, ttl_dns_cache=None)
    names = URL.build(scheme="http", host="ünder.test", port=port)
    async with aiohttp.ClientSession(connector=connector, connector_owner=False) as one:
        bodies = await asyncio.gather(*(fetch(one, names / "echo" / str(n)) for n in range(8)))
        print("connections", connector.made, "for", connector.asked, bodies[0]["host"])
        try:
            await one.get(names.with_host("unknown.invalid"))
        except aiohttp.ClientConnectorDNSError as error:
            print(type(error).__name__, error.host, error.os_error)
    async with aiohttp.ClientSession(connector=connector) as two:
        await fetch(two, names / "echo" / "a")
        print("reused", connector.made, connector.closed)
    print("closed", connector.closed, resolver.asked)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=path)) as session:
        found = await fetch(session, "http://unix/echo/a")
        print("unix", found["host"], found["path"])


async def fetch(session, url, **options):
    async with session.get(url, **options) as response:
        return await response.json()


async def urls(base):
    async with aiohttp.ClientSession(base_url=f"{base}/echo/") as session:
        for url in ("a b?q=ä&q=+", "x%2Fy", URL("%41%2F?a=%26", encoded=True), "../echo/up#part"):
            print("path", (await fetch(session, url))["path"])
        for params in ({"a": [1, 2]}, [("b", "&"), ("b", "=")], "c=%20d", {"e": 1.5, "f": "ä/ß"}):
            print("query", (await fetch(session, "p?x=1", params=params))["path"])
        async with session.get(f"{base}/hop/3") as response:
            print("hops", [hop.url.path for hop in response.history], response.url.raw_path_qs)
            print("last", response.url.path, response.real_url.fragment, response.history[0].status)
        try:
            await session.get(f"{base}/hop/9", max_redirects=4)
        except aiohttp.TooManyRedirects as error:
            print(type(error).__name__, len(error.history), error.request_info.url.path)
        for url in ("http://127.1/", "http://host:x/", "ftp://127.0.0.1/"):
            try:
                await session.get(url)
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
                print(type(error).__name__, isinstance(error, ValueError))


async def sessions(base):
    async with Api(base, headers={"X-Program": "own"}, response_class=Response) as session:
        async with session.get("/flaky") as response:
            print("tried", session.tries, await response.text())
        async with session.post("/echo/", json={"ä": 1}, headers={"X-One": "1"}) as response:
            print(await response.field("headers"), await response.field("body"))
    options = {"json_serialize": lambda value: json.dumps(value, indent=1)}
    async with Api(cookie_jar=Jar(unsafe=True), **options) as session:
        await fetch(session, f"{base}/echo/?set=a-1&set=b-2")
        found = await fetch(session, f"{base}/echo/", cookies={"c": "3"})
        print("cookies", sorted(found["cookies"].items()), len(session.cookie_jar))
        async with session.put(f"{base}/echo/", json=[1]) as response:
            print("serialized", (await response.json())["body"].split())
    async with aiohttp.ClientSession(cookie_jar=NoJar()) as session:
        await fetch(session, f"{base}/echo/?set=a-1")
        updated = session.cookie_jar.updated
        print("no jar", {name: getattr(value, "value", value) for name, value in updated.items()})


async def bodies(base):
    async def parts():
        for number in range(3):
            yield f"part {number};".encode()

    async with aiohttp.ClientSession(base) as session:
        for data in (b"bytes", "strïng", {"a": "1"}, io.BytesIO(b"file"), parts()):
            async with session.post("/echo/", data=data) as response:
                print("body", (await response.json())["body"])
        form = aiohttp.FormData({"plain": "text"})
        form.add_field("file", b"x" * 1000, filename="ä.bin", content_type="image/png")
        form.add_field("stream", io.BytesIO(b"y" * 200_000), filename="s.txt")
        async with session.post("/form", data=form) as response:
            print("form", await response.json())
        with aiohttp.MultipartWriter("form-data") as writer:
            part = writer.append_json({"a": 1})
            part.set_content_disposition("form-data", name="json")
        async with session.post("/form", data=writer) as response:
            print("writer", await response.json())
        async with session.get("/lines") as response:
            encoding = response.headers["Content-Encoding"]
            print("lines", encoding, [line async for line in response.content][-1])


async def middle(base):
    seen = []

    async def log(request, handler):
        request.headers["X-Middle"] = "1"
        response = await handler(request)
        seen.append((request.method, request.url.path, response.status))
        return response

    digest = aiohttp.DigestAuthMiddleware("ann", "secret")
    async with aiohttp.ClientSession(base, middlewares=(log, digest)) as session:
        for _ in range(2):
            print("digest", await fetch(session, "/digest"))
        print((await fetch(session, "/echo/", middlewares=(log,)))["headers"])
    print("seen", seen)


async def checks(base):
    async def check(response):
        if response.status >= 400:
            raise LookupError(response.status)

    timeout = aiohttp.ClientTimeout(total=0.7)
    async with aiohttp.ClientSession(base, raise_for_status=check, timeout=timeout) as session:
        for path in ("/none", "/slow"):
            try:
                async with session.get(path) as response:
                    await response.read()
            except TimeoutError as error:
                # aiohttp gives no words to it.
                print(path, type(error).__name__)
            except LookupError as error:
                print(path, type(error).__name__, error)
        try:
            timeout = aiohttp.ClientTimeout(sock_read=0.05)
            async with session.get("/slow", timeout=timeout) as response:
                await response.content.readexactly(100)
        except aiohttp.SocketTimeoutError as error:
            print(type(error).__name__, isinstance(error, asyncio.TimeoutError))
        try:
            await fetch(session, "/lines")
        except aiohttp.ContentTypeError as error:
            print(type(error).__name__, error.status, error.headers["Content-Type"])


async def sockets(base):
    async with aiohttp.ClientSession(base, ws_response_class=Socket) as session:
        async with session.ws_connect("/talk", protocols=("two",), compress=15) as socket:
            await socket.send_str("héllo" * 1000)
            print("text", len(await socket.receive_str()), socket.protocol, socket.compress)
            await socket.send_bytes(bytes(range(256)) * 300)
            print("bytes", (await socket.receive_bytes())[:3])
            await socket.send_json({"a": "b"})
            print("json", await socket.receive_json())
            await socket.send_str("leave")
            rest = [message async for message in socket]
            print("left", rest, socket.close_code, socket.closed, socket.heard)
        try:
            await session.ws_connect("/echo/")
        except aiohttp.WSServerHandshakeError as error:
            print(type(error).__name__, error.status, error.message)


async def main(base, path):
    await connectors(base, path)
    for part in (urls, sessions, bodies, middle, checks, sockets):
        print("==", part.__name__)
        await part(base)


asyncio.run(main(*sys.argv[1:]))
