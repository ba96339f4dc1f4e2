"""What the columns of a subject are: loops, clients on loops, or forms of concurrency."""

from __future__ import annotations

from . import clients, forms, loops
from .model import Subject

#: Every name there is.
NAMES = tuple(
    dict.fromkeys((*loops.NAMES, loops.UNWATCHED, *clients.HTTP, *clients.WEBSOCKET, *forms.FORMS)),
)


def names(subject: Subject) -> tuple[str, ...]:
    return tuple(subject.clients) or tuple(subject.forms) or subject.loops or loops.NAMES


def why_absent(subject: Subject, name: str) -> str:
    """Empty if it can be measured here; else the reason."""
    if subject.clients:
        return clients.why_absent(subject.clients[name])
    if subject.forms:
        return forms.why_absent(subject.forms[name])
    return loops.why_absent(name)


def version(subject: Subject, name: str) -> str:
    if subject.clients:
        return clients.version(subject.clients[name])
    if subject.forms:
        return forms.version(subject.forms[name])
    return loops.version(name)
