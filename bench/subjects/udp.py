"""UDP: echo, and datagrams a second in each direction."""

from __future__ import annotations

from ..model import Goal, Row, Settings, Subject
from . import serving

GROUP, SOCKETS = 32, 4
SIZES = {100: "100 B", 1000: "1 kB"}

#: The goals are set where there are several datagrams to a turn.
ECHO_GOAL = Goal("cpu", 1.5)
BATCH_GOAL = Goal("cpu", 3.0)


class Udp(Subject):
    name = "udp"
    title = "UDP"
    note = (
        "One endpoint, the load generator on another core, closed loop. *Echo*: each socket "
        f"awaits its datagram back. *Receive*: {SOCKETS} sockets that each send {GROUP} datagrams "
        "and await one reply; with `datagrams_received` where a loop has it, and without. *Send*: "
        f"{SOCKETS} sockets that each send one datagram and await {GROUP} replies, sent in one "
        "callback. A message is a datagram."
    )
    metrics = (serving.CPU, serving.RATE)
    needs_load = True

    def rows(self) -> list[Row]:
        echo = [
            Row(
                f"echo, {SIZES[size]}, {sockets} sockets",
                ("cpu", "rate"),
                {"kind": "udp", "size": size, "load": {"--connections": sockets}},
                (ECHO_GOAL,) if (size, sockets) == (100, 50) else (),
            )
            for size in SIZES
            for sockets in (1, 10, 50)
        ]
        groups = {"--connections": SOCKETS, "--group": GROUP}
        replies = {"--connections": SOCKETS, "--replies": GROUP}
        one_way = [
            ("receive", "udp-receive", groups, ()),
            ("receive, batches", "udp-receive-batches", groups, (BATCH_GOAL,)),
            ("send", "udp-send", replies, ()),
        ]
        return echo + [
            Row(
                f"{title}, 100 B", ("cpu", "rate"), {"kind": kind, "size": 100, "load": load}, goals
            )
            for title, kind, load, goals in one_way
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        options = {"--size": row.parameters["size"], **row.parameters["load"]}
        server = [row.parameters["kind"]]
        if row.parameters["kind"] == "udp-send":
            server += ["--replies", str(GROUP)]
        return serving.measure(loop, server, [], "datagrams", options, settings)
