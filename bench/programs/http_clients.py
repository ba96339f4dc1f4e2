"""The HTTP clients: `python -m bench.programs.http_clients LOOP LIBRARY MODULE WORK URL [options]`

The server is `aioxide-load serve`. Each response is checked: its status, its length and how it
begins. WORK is

    get          the whole body, `--size` bytes of it
    stream       the same chunk by chunk
    json         a small object as JSON, and the answer as JSON
    upload       a body of `--size` bytes, and the answer as JSON
    hosts        get, from each of `--hosts` addresses in turn
    connections  memory for each of `--concurrency` connections that are open at the same time
    sessions     memory for each of `--concurrency` sessions that are open and have done nothing
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import loops
from . import child, window
from .libraries.library import Session, Wanted, WrongAnswerError
from .window import Step

#: How every text of the server begins.
START = b'[{"id": 0, "name": "user-'
OBJECT = {
    "id": 8231,
    "name": "field notice",
    "tags": ["alpha", "beta", "gamma"],
    "position": {"latitude": 52.516, "longitude": 13.377},
    "active": True,
}


def check_text(start: Any, length: int, size: int) -> None:
    if length != size or start[: len(START)] != START[:size]:
        raise WrongAnswerError(f"{length} bytes instead of {size}, or not how they begin")


def check_received(answer: Any, at_least: int, at_most: int, ends: bytes) -> None:
    """The server tells the length of the body that it was sent, and its first and last byte."""
    told = (answer["first"], answer["last"])
    if not at_least <= answer["received"] <= at_most or told != tuple(ends):
        raise WrongAnswerError(f"the server received something else: {answer}")


def get(session: Session, url: str, size: int) -> Step:
    async def step() -> None:
        body = await session.get(url)
        check_text(body, len(body), size)

    return step


def stream(session: Session, url: str, size: int) -> Step:
    async def step() -> None:
        check_text(*await session.stream(url), size)

    return step


def post_json(session: Session, url: str, size: int) -> Step:
    shortest = len(json.dumps(OBJECT, separators=(",", ":")))
    longest = len(json.dumps(OBJECT))

    async def step() -> None:
        check_received(await session.post_json(url, OBJECT), shortest, longest, b"{}")

    return step


def upload(session: Session, url: str, size: int) -> Step:
    body = b"<" + b"u" * (size - 2) + b">"

    async def step() -> None:
        check_received(await session.upload(url, body), size, size, b"<>")

    return step


def get_in_turn(session: Session, urls: Iterator[str], size: int) -> Step:
    async def step() -> None:
        body = await session.get(next(urls))
        check_text(body, len(body), size)

    return step


def hosts(session: Session, options: argparse.Namespace) -> list[Step]:
    """One row of addresses for all tasks: no two are at the same one for long."""
    before, _, after = options.url.partition("127.0.0.1")
    urls = itertools.cycle(f"{before}127.0.0.{host}{after}" for host in range(1, options.hosts + 1))
    return [get_in_turn(session, urls, options.size)] * options.concurrency


WORK: dict[str, Callable[[Session, str, int], Step]] = {
    "get": get,
    "stream": stream,
    "json": post_json,
    "upload": upload,
}


def opener(options: argparse.Namespace) -> Callable[[], Session]:
    library = importlib.import_module(f".libraries.{options.library}", __package__)
    module = importlib.import_module(options.module)
    connections = options.connections or options.concurrency
    wanted = Wanted(connections, options.per_host, options.authority)
    return lambda: library.Session(module, wanted)


async def requests(options: argparse.Namespace) -> None:
    session = opener(options)()
    await session.open()
    try:
        if options.work == "hosts":
            steps = hosts(session, options)
        else:
            step = WORK[options.work](session, options.url, options.size)
            steps = [step] * options.concurrency
        await window.measure(steps, options.seconds, options.warmup)
    finally:
        await session.close()


async def connections(options: argparse.Namespace) -> None:
    """The server answers when all of them wait, so there are as many connections."""
    session = opener(options)()
    await session.open()
    check_text(START, len(await session.get(options.url)), options.size)
    before = resident()
    together = options.url.replace("/bytes/1000", f"/together/{options.concurrency}")
    bodies = await asyncio.gather(*[session.get(together) for _ in range(options.concurrency)])
    for body in bodies:
        check_text(body, len(body), options.size)
    bodies.clear()
    child.answer(bytes=max(0, resident() - before) / options.concurrency)
    await session.close()


async def sessions(options: argparse.Namespace) -> None:
    make = opener(options)
    first = make()
    await first.open()
    before = resident()
    opened = [make() for _ in range(options.concurrency)]
    for session in opened:
        await session.open()
    child.answer(bytes=max(0, resident() - before) / options.concurrency)
    for session in [first, *opened]:
        await session.close()


def resident() -> int:
    """Bytes of resident memory of this process."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not say")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("library")
    parser.add_argument("module")
    parser.add_argument("work", choices=[*WORK, "hosts", "connections", "sessions"])
    parser.add_argument("url")
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--connections", type=int, default=0)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--per-host", type=int, default=0)
    parser.add_argument("--authority", default="")
    parser.add_argument("--seconds", type=float, default=0.8)
    parser.add_argument("--warmup", type=float, default=0.2)
    options = parser.parse_args()
    if options.authority:
        # For libraries whose own context is to be measured: OpenSSL looks there.
        os.environ["SSL_CERT_FILE"] = options.authority
    child.begin()
    programs = {"connections": connections, "sessions": sessions}
    with asyncio.Runner(loop_factory=loops.factory(options.loop)) as runner:
        runner.run(programs.get(options.work, requests)(options))


if __name__ == "__main__":
    main()
