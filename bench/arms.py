"""What the columns of a subject are: loops, or clients on loops."""

from __future__ import annotations

from . import clients, loops
from .model import Subject

#: Every name there is.
NAMES = tuple(dict.fromkeys((*loops.NAMES, *clients.HTTP, *clients.WEBSOCKET)))


def names(subject: Subject) -> tuple[str, ...]:
    return tuple(subject.clients) or loops.NAMES


def why_absent(subject: Subject, name: str) -> str:
    """Empty if it can be measured here; else the reason."""
    if subject.clients:
        return clients.why_absent(subject.clients[name])
    return loops.why_absent(name)


def version(subject: Subject, name: str) -> str:
    return clients.version(subject.clients[name]) if subject.clients else loops.version(name)
