"""The WebSocket clients: `python -m bench.programs.websocket_clients LOOP LIBRARY MODULE URL`

Each connection sends a message, awaits it back, compares it, and sends the next.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib

from .. import loops
from . import child, window
from .libraries.library import Socket, WrongAnswerError
from .window import Step


def trip(socket: Socket, message: bytes) -> Step:
    async def step() -> None:
        if await socket.trip(message) != message:
            raise WrongAnswerError("what came back is not what was sent")

    return step


async def run(options: argparse.Namespace) -> None:
    library = importlib.import_module(f".libraries.{options.library}", __package__)
    module = importlib.import_module(options.module)
    steps = []
    sockets = [library.Socket(module) for _ in range(options.connections)]
    for number, socket in enumerate(sockets):
        await socket.open(options.url)
        start = b"%04d" % number
        steps.append(trip(socket, start + b"m" * (options.size - len(start))))
    try:
        await window.measure(steps, options.seconds, options.warmup)
    finally:
        for socket in sockets:
            await socket.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("loop")
    parser.add_argument("library")
    parser.add_argument("module")
    parser.add_argument("url")
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.8)
    parser.add_argument("--warmup", type=float, default=0.2)
    options = parser.parse_args()
    child.begin()
    with asyncio.Runner(loop_factory=loops.factory(options.loop)) as runner:
        runner.run(run(options))


if __name__ == "__main__":
    main()
