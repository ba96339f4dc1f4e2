"""What every library has to be able to do, and what its answers are checked by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import ModuleType
from typing import Any

#: What one read of a streamed body asks for, where a library lets one ask.
CHUNK = 64 * 1024


class WrongAnswerError(Exception):
    """A response that is not what the server sends."""


@dataclass(frozen=True)
class Wanted:
    """What a session is opened with."""

    #: How many connections there may be.
    connections: int = 1
    #: How many there may be to one address; 0 is as many as there may be at all.
    per_host: int = 0
    #: A file with the certificate of the authority to trust.
    authority: str = ""


class Session(ABC):
    """A session of one library, which keeps its connections."""

    def __init__(self, module: ModuleType, wanted: Wanted) -> None:
        self.module = module
        self.wanted = wanted

    @abstractmethod
    async def open(self) -> None:
        """Make the session; requests come later."""

    @abstractmethod
    async def close(self) -> None:
        """Close it with its connections."""

    @abstractmethod
    async def get(self, url: str) -> Any:
        """The whole body, as what the library calls bytes."""

    @abstractmethod
    async def stream(self, url: str) -> tuple[bytes, int]:
        """The body chunk by chunk: the first of them, and the length of all."""

    @abstractmethod
    async def post_json(self, url: str, value: Any) -> Any:
        """Post a value as JSON, and read the answer as JSON."""

    @abstractmethod
    async def upload(self, url: str, body: bytes) -> Any:
        """Post bytes, and read the answer as JSON."""


class Socket(ABC):
    """A WebSocket of one library."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    @abstractmethod
    async def open(self, url: str) -> None:
        """Connect."""

    @abstractmethod
    async def close(self) -> None:
        """Say goodbye and close."""

    @abstractmethod
    async def trip(self, message: bytes) -> Any:
        """Send a message and await the next, as what the library calls bytes."""


def check_status(status: int) -> None:
    if status != 200:
        raise WrongAnswerError(f"status {status}")
