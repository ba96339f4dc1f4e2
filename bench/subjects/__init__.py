"""One file a subject. A new one is listed here and is there for the command line."""

from __future__ import annotations

from ..model import Subject
from .concurrency import Concurrency
from .connections import Connections
from .diagnostics import Diagnostics
from .echo import Echo
from .fanout import FanOut
from .http import Http
from .http_tls import HttpTls
from .latency import Latency
from .memory import Memory
from .pipes import Pipes
from .responses import Responses
from .scheduling import Scheduling
from .sockets import Sockets
from .subprocesses import Subprocesses
from .tls import Tls
from .udp import Udp
from .unix import Unix
from .websocket import WebSocket

SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        Scheduling(),
        Echo(),
        Diagnostics(),
        Sockets(),
        Tls(),
        Responses(),
        Connections(),
        Udp(),
        Latency(),
        Memory(),
        FanOut(),
        Concurrency(),
        Unix(),
        Pipes(),
        Subprocesses(),
        Http(),
        HttpTls(),
        WebSocket(),
    )
}
