"""WebSocket clients: what a message there and back costs."""

from __future__ import annotations

import sys

from ..clients import AIOHTTP, WEBSOCKET
from ..model import Goal, Metric, Row, Settings, Subject
from ..processes import Service
from .requesting import figures

SIZES = {100: "100 B", 64_000: "64 kB"}
CONNECTIONS = (1, 50)


class WebSocket(Subject):
    name = "websocket"
    title = "WebSocket clients"
    note = (
        "The client on one core; a native server that never sleeps on the other. Each connection "
        "sends a binary message, awaits it back, compares it, and sends the next. Nothing is "
        "compressed: the server does not offer it."
    )
    metrics = (
        Metric("rate", "messages a second", more_is_better=True),
        Metric("cpu", "client CPU, µs a message", digits=1),
    )
    clients = WEBSOCKET
    needs_load = True

    def rows(self) -> list[Row]:
        return [
            Row(
                f"echo of {title}, {connections} conn.",
                ("rate", "cpu"),
                {"size": size, "connections": connections},
                (Goal("rate", 1.0, AIOHTTP), Goal("cpu", 1.0, AIOHTTP)),
            )
            for size, title in SIZES.items()
            for connections in CONNECTIONS
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        client = self.clients[loop]
        with Service(settings.load, [], settings.time_limit) as service:
            command = [sys.executable, "-m", "bench.programs.websocket_clients"]
            command += [client.loop, client.library, client.module]
            command += [f"ws://127.0.0.1:{service.port}/ws"]
            for name, value in row.parameters.items():
                command += [f"--{name}", str(value)]
            command += ["--seconds", str(settings.seconds), "--warmup", str(settings.warmup)]
            return figures(service.measure(command, settings.time_limit))
