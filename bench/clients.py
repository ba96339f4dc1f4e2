"""The clients, by name: libraries on loops, and whether this interpreter has them."""

from __future__ import annotations

import importlib.util

from . import loops
from .loops import OURS
from .model import Client

#: What a client of aiohttp's users runs on when they have looked for a faster loop.
AIOHTTP = "aiohttp on uvloop"


def _on(loop: str, *libraries: str) -> dict[str, Client]:
    return {f"{name} on {loop}": Client(name, name, loop) for name in libraries}


#: The new client runs the text that aiohttp runs.
_OURS = {OURS: Client("aiohttp", "aioxide.http", OURS)}
_AIOHTTP = {**_on("asyncio", "aiohttp"), **_on("uvloop", "aiohttp"), **_on(OURS, "aiohttp")}
_RUST = _on("uvloop", "pyreqwest", "wreq", "primp")

#: Each library but aiohttp is on the loop where it is the fastest.
HTTP = {**_OURS, **_AIOHTTP, **_RUST, **_on("uvloop", "aiosonic", "httpx", "niquests")}
WEBSOCKET = {**_OURS, **_AIOHTTP, **_on("uvloop", "websockets", "picows")}
#: Those that are native below a Python face, as the new client is.
RUST = tuple(_RUST)


def why_absent(client: Client) -> str:
    """Empty if a process of its own can import the library and run the loop; else the reason."""
    if not _is_there(client.module):
        return f"there is no {client.module}" if "." in client.module else "not installed"
    why = loops.why_absent(client.loop)
    if why:
        return f"{client.loop}: {why}"
    return loops.why_absent(client.loop, client.module)


def version(client: Client) -> str:
    """The library's, and the loop's if that is another package."""
    package = client.module.partition(".")[0]
    versions = dict.fromkeys((package, client.loop))
    return " / ".join(loops.version(name) for name in versions)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
