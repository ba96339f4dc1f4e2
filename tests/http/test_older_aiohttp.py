"""An aiohttp that is older than the one whose behaviour this client has: what it lacks is missed
by nobody. Each test takes out of the installed aiohttp what the older one had not."""

from .test_loops import SERVER

OLDER = """
import asyncio, sys
import aiohttp, aiohttp.client_reqrep, aiohttp.payload
"""
# 3.11 has no digest middleware.
WITHOUT_DIGEST = """
sys.modules["aiohttp.client_middleware_digest_auth"] = None
"""
# 3.11 and older: a payload knows how it is written, and nothing else.
WITHOUT_CLOSE = """
for name in ("_consumed", "_autoclose", "consumed", "autoclose", "write_with_length", "as_bytes",
             "_close", "close"):
    delattr(aiohttp.payload.Payload, name)
"""
# 3.10 and older: a class of attrs, which is no tuple.
WITHOUT_FIELDS = """
class ConnectionKey:
    pass

aiohttp.client_reqrep.ConnectionKey = ConnectionKey
"""
INSTALL = """
import aioxide
aioxide.install(http=True)
"""


def test_module_that_is_not_there_is_passed_over(child):
    result = child(
        OLDER
        + WITHOUT_DIGEST
        + INSTALL
        + SERVER
        + """
print(asyncio.run(ask(aiohttp)), aiohttp.ClientSession.__module__)
"""
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["aioxide.http._session"] * 2


def test_module_that_fails_is_the_programs_to_see(child, tmp_path):
    """One that lacks something itself is no older aiohttp's."""
    (tmp_path / "needs_more.py").write_text("import nowhere_to_be_found\n")
    result = child(
        OLDER
        + """
import importlib, importlib.machinery

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "aiohttp.client_middleware_digest_auth":
            loader = importlib.machinery.SourceFileLoader(name, "needs_more.py")
            return importlib.machinery.ModuleSpec(name, loader)

sys.meta_path.insert(0, Finder())
del sys.modules["aiohttp.client_middleware_digest_auth"]
import os
os.chdir(os.path.dirname(__file__))
"""
        + INSTALL
    )
    assert "No module named 'nowhere_to_be_found'" in result.stderr


def test_key_of_connections_without_fields_is_not_used(child):
    result = child(
        OLDER
        + WITHOUT_FIELDS
        + INSTALL
        + SERVER
        + """
from aioxide import http
assert http.ConnectionKey is not ConnectionKey
print(asyncio.run(ask(aiohttp)))
"""
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["aioxide.http._session"]


def test_payload_that_cannot_be_closed_is_sent(child):
    """By itself, in a form of parts, and again after a redirect."""
    result = child(
        OLDER
        + WITHOUT_CLOSE
        + INSTALL
        + """
from aiohttp import web

class Spelled(aiohttp.Payload):
    def decode(self, encoding="utf-8", errors="strict"):
        return self._value

    async def write(self, writer):
        for letter in self._value:
            await writer.write(letter.encode())

async def answer(request):
    return web.Response(text=await request.text())

async def elsewhere(request):
    await request.read()
    raise web.HTTPTemporaryRedirect("/")

async def main():
    app = web.Application()
    app.router.add_post("/", answer)
    app.router.add_post("/elsewhere", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
        for path in ("/", "/elsewhere"):
            async with session.post(path, data=Spelled("abc")) as response:
                print(await response.text())
        with aiohttp.MultipartWriter(boundary="-") as parts:
            parts.append_payload(Spelled("def"))
        async with session.post("/", data=parts) as response:
            print((await response.text()).split())
    await runner.cleanup()

asyncio.run(main())
""",
        flags=["-W", "ignore"],
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "abc",
        "abc",
        "['---', 'Content-Type:', 'application/octet-stream', 'def', '-----']",
    ]
