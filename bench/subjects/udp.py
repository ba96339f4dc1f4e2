"""UDP: echo, and datagrams a second in each direction."""

from __future__ import annotations

from ..model import LIMIT, Goal, Row, Settings, Subject
from . import serving

GROUP, SOCKETS = 32, 4
SIZES = {100: "100 B", 1000: "1 kB"}

#: The goals are set where there are several datagrams to a turn.
ECHO_GOAL = Goal("cpu", 1.5)
LIMIT_GOAL = Goal("cpu", 0.9, LIMIT)
BATCH_GOAL = Goal("cpu", 3.0)


class Udp(Subject):
    name = "udp"
    title = "UDP"
    note = (
        "One endpoint, the load generator on another core, closed loop. *Echo*: each socket "
        f"awaits its datagram back, or *{GROUP} each*, in order, before it sends again. *Receive*: "
        f"{SOCKETS} sockets that each send {GROUP} datagrams and await one reply; with "
        "`datagrams_received` where a loop has it, and without. *Send*: "
        f"{SOCKETS} sockets that each send one datagram and await {GROUP} replies, sent in one "
        "callback. A message is a datagram. The limit is a bare epoll server that receives and "
        "sends one by one; where several go to one address, a loop that joins them can be ahead "
        "of that, so it is left out."
    )
    metrics = (serving.CPU, serving.RATE)
    has_limit = True
    needs_load = True

    def rows(self) -> list[Row]:
        echo = [
            Row(
                f"echo, {SIZES[size]}, {sockets} sockets",
                ("cpu", "rate"),
                {"kind": "udp", "size": size, "load": {"--connections": sockets}},
                (ECHO_GOAL, LIMIT_GOAL) if (size, sockets) == (100, 50) else (),
            )
            for size in SIZES
            for sockets in (1, 10, 50)
        ]
        both = {"--connections": SOCKETS, "--group": GROUP, "--replies": GROUP}
        groups = {"--connections": SOCKETS, "--group": GROUP}
        replies = {"--connections": SOCKETS, "--replies": GROUP}
        in_groups = [
            (f"echo, {GROUP} each", "udp", both, (ECHO_GOAL,)),
            ("receive", "udp-receive", groups, ()),
            ("receive, batches", "udp-receive-batches", groups, (BATCH_GOAL,)),
            ("send", "udp-send", replies, ()),
        ]
        return echo + [
            Row(
                f"{title}, 100 B",
                ("cpu", "rate"),
                {"kind": kind, "size": 100, "load": load},
                goals,
                (LIMIT,),
            )
            for title, kind, load, goals in in_groups
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        options = {"--size": row.parameters["size"], **row.parameters["load"]}
        server = [row.parameters["kind"]]
        if row.parameters["kind"] == "udp-send":
            server += ["--replies", str(GROUP)]
        return serving.measure(loop, server, ["--datagrams"], "datagrams", options, settings)
