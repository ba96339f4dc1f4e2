"""Digest authentication, against a server that checks every hash by itself."""

import asyncio
import contextlib
import hashlib
import re

import pytest
from aiohttp import web
from yarl import URL

import aioxide
from aioxide import http

HASHES = {"MD5": "md5", "SHA": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"}
LOGIN, PASSWORD = 'us"er', "pass:wörd"


def run(main):
    with asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner:
        return runner.run(main)


class Guard:
    """A server's side of Digest."""

    def __init__(self, algorithm="MD5", qop="auth", **more):
        self.parameters = {"realm": 'the "realm"', "nonce": "n0nce", **more}
        self.algorithm, self.qop = algorithm, qop
        if algorithm is not None:
            self.parameters["algorithm"] = algorithm
        if qop is not None:
            self.parameters["qop"] = qop
        self.prefix = ""
        self.status = 401
        self.headers = []
        self.counts = []
        self.bodies = []
        self.locations = {}

    def challenge(self):
        quoted = (
            value.replace("\\", "\\\\").replace('"', '\\"') for value in self.parameters.values()
        )
        names = list(self.parameters)
        pairs = ", ".join(f'{name}="{value}"' for name, value in zip(names, quoted, strict=True))
        return f"{self.prefix}Digest {pairs}"

    def accepts(self, request, body):
        header = request.headers.get("Authorization")
        if header is None:
            return False
        scheme, _, rest = header.partition(" ")
        assert scheme == "Digest"
        found = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', rest)
        given = {name: re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in found}
        if given["nonce"] != self.parameters["nonce"]:
            return False
        name = (self.algorithm or "MD5").upper()
        session = name.endswith("-SESS")
        function = HASHES[name.removesuffix("-SESS")]

        def hashed(*parts):
            return hashlib.new(function, ":".join(parts).encode()).hexdigest()

        secret = hashed(LOGIN, self.parameters["realm"], PASSWORD)
        if session:
            secret = hashed(secret, given["nonce"], given["cnonce"])
        target = [request.method, request.raw_path]
        if given.get("qop") == "auth-int":
            target.append(hashlib.new(function, body).hexdigest())
        middle = [given["nonce"]]
        if self.qop is not None:
            self.counts.append(given["nc"])
            middle += [given["nc"], given["cnonce"], given["qop"]]
        assert given["username"] == LOGIN
        assert given["uri"] == request.raw_path
        return given["response"] == hashed(secret, *middle, hashed(*target))

    async def handle(self, request):
        body = await request.read()
        self.headers.append(request.headers.get("Authorization"))
        self.bodies.append(body)
        if location := self.locations.get(request.path):
            return web.Response(status=302, headers={"Location": str(location)})
        if self.accepts(request, body):
            return web.Response(text="in")
        return web.Response(status=self.status, headers={"WWW-Authenticate": self.challenge()})


@contextlib.asynccontextmanager
async def serving(guard):
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", guard.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield URL(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/")
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def session_with(guard, **options):
    digest = http.DigestAuthMiddleware(LOGIN, PASSWORD, **options)
    async with serving(guard) as url, http.ClientSession(middlewares=(digest,)) as session:
        yield session, url


async def status(session, url, method="GET", **options):
    async with session.request(method, url, **options) as response:
        return response.status


@pytest.mark.parametrize("qop", [None, "auth", "auth-int", "auth,auth-int", "unknown, auth"])
@pytest.mark.parametrize("algorithm", [None, "MD5", "md5-sess", "SHA", "SHA-256", "SHA-512-SESS"])
def test_server_is_convinced(algorithm, qop):
    guard = Guard(algorithm, qop, opaque="0paque")

    async def main():
        async with session_with(guard) as (session, url):
            target = url / "a b" % {"x": "1/2"}
            assert await status(session, target) == 200
            assert await status(session, target, "POST", data=b"body") == 200
            assert await status(session, target, "PUT", json={"a": 1}) == 200

    run(main())
    assert [header is None for header in guard.headers] == [True, False, False, False]
    assert guard.counts == ([] if qop is None else ["00000001", "00000002", "00000003"])


def test_body_is_sent_again():
    guard = Guard(qop="auth-int")

    async def main():
        async with session_with(guard, preemptive=False) as (session, url):
            assert await status(session, url, "POST", data=b"x" * 100_000) == 200

    run(main())
    assert guard.bodies == [b"x" * 100_000] * 2


def test_without_preemption_every_request_is_challenged():
    guard = Guard()

    async def main():
        async with session_with(guard, preemptive=False) as (session, url):
            for _ in range(2):
                assert await status(session, url) == 200

    run(main())
    assert [header is None for header in guard.headers] == [True, False, True, False]


def test_new_nonce_is_taken_and_counted_anew():
    guard = Guard()

    async def main():
        async with session_with(guard) as (session, url):
            assert await status(session, url) == 200
            guard.parameters |= {"nonce": "another", "stale": "true"}
            assert await status(session, url) == 200

    run(main())
    assert guard.counts == ["00000001", "00000001"]
    assert len(guard.headers) == 4


def test_wrong_password_is_tried_once():
    guard = Guard()

    async def main():
        digest = http.DigestAuthMiddleware(LOGIN, "wrong")
        async with serving(guard) as url, http.ClientSession(middlewares=(digest,)) as session:
            async with session.get(url) as response:
                assert response.status == 401

    run(main())
    assert len(guard.headers) == 2


def test_challenge_behind_one_of_another_scheme_is_found():
    guard = Guard()
    guard.prefix = 'Basic realm="x, Digest", '

    async def main():
        async with session_with(guard) as (session, url):
            assert await status(session, url) == 200

    run(main())


def test_other_status_is_no_challenge():
    guard = Guard()
    guard.status = 403

    async def main():
        async with session_with(guard) as (session, url):
            assert await status(session, url) == 403

    run(main())
    assert guard.headers == [None]


def test_other_origin_gets_nothing():
    guard, other = Guard(), Guard(nonce="chosen")

    async def main():
        async with session_with(guard) as (session, url), serving(other) as elsewhere:
            assert await status(session, url) == 200
            assert await status(session, elsewhere) == 401
            guard.locations["/away"] = elsewhere
            assert await status(session, url / "away") == 401
            assert await status(session, url) == 200

    run(main())
    assert other.headers == [None, None]


def test_first_request_elsewhere_by_redirect_gets_nothing():
    guard, other = Guard(), Guard()

    async def main():
        async with session_with(guard) as (session, url), serving(other) as elsewhere:
            guard.locations["/away"] = elsewhere
            assert await status(session, url / "away") == 401

    run(main())
    assert other.headers == [None]


def test_origin_may_name_another_but_that_may_name_no_more():
    guard, other, third = Guard(), Guard(), Guard()

    async def main():
        async with (
            session_with(guard) as (session, url),
            serving(other) as elsewhere,
            serving(third) as further,
        ):
            guard.parameters["domain"] = f"/ {elsewhere}"
            other.parameters["domain"] = f"{elsewhere} {further}"
            assert await status(session, url) == 200
            assert await status(session, elsewhere) == 200
            assert await status(session, further) == 401

    run(main())
    assert third.headers == [None]


def test_credentials_stay_in_their_space():
    guard = Guard(domain="/in")

    async def main():
        async with session_with(guard) as (session, url):
            for path in ("in", "in/x", "inner", "out"):
                assert await status(session, url / path) == 200

    run(main())
    assert [header is None for header in guard.headers] == [
        True,
        False,
        False,
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"realm": None}, "Missing 'realm'"),
        ({"nonce": None}, "Missing 'nonce'"),
        ({"nonce": ""}, "empty 'nonce'"),
        ({"qop": "other"}, "Unsupported Quality of Protection"),
        ({"algorithm": "CRC32"}, "Unsupported hash algorithm: CRC32"),
    ],
)
def test_challenge_that_cannot_be_answered_is_an_error(parameters, text):
    guard = Guard()
    for name, value in parameters.items():
        if value is None:
            del guard.parameters[name]
        else:
            guard.parameters[name] = value

    async def main():
        async with session_with(guard) as (session, url):
            with pytest.raises(http.ClientError, match=text):
                await session.get(url)

    run(main())
    assert guard.headers == [None]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(("a:b", "c"), ":"), ((None, "c"), "None"), (("a", None), "None")],
)
def test_credentials_that_are_none_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        http.DigestAuthMiddleware(*arguments)


def test_password_is_not_shown():
    digest = http.DigestAuthMiddleware("user", "secret")
    assert "secret" not in repr(digest) + repr(vars(digest))
