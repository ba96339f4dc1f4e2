"""Types of the native module: crates/aioxide-py.

Times are in seconds (float), sizes in bytes (int). Methods that begin with an underscore are for
`_loop.py`, `_cold.py` and for what asyncio's own code calls on a loop or a transport.

`Handle`, `TimerHandle` and the transports are written as subclasses of asyncio's classes because
`isinstance()` says so: at run time they answer for it with their `__class__` and inherit nothing of
asyncio's; `TimerHandle` inherits from `Handle` there.
"""

# The docstrings are here for editors, which do not look into a native module.
# ruff: noqa: PYI021

import asyncio
import socket
import ssl
from asyncio.base_events import Server
from asyncio.constants import _SendfileMode
from asyncio.events import _TaskFactory
from collections.abc import Callable, Coroutine, Generator, Iterable, MutableMapping
from contextvars import Context
from types import CodeType
from typing import (
    Any,
    ClassVar,
    Final,
    Self,
    TypeAlias,
    TypedDict,
    TypeVar,
    TypeVarTuple,
    final,
    type_check_only,
)
from weakref import ReferenceType

from _typeshed import FileDescriptorLike
from typing_extensions import Buffer, disjoint_base

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
# Scheme, raw host, port and path of a URL.
_CookieTarget: TypeAlias = tuple[str, str | None, int | None, str]

__all__ = [
    "DEBUG_BUILD",
    "ConnectionPool",
    "DatagramTransport",
    "DigestCredentials",
    "Exchange",
    "Handle",
    "HeadTemplate",
    "HostLimiter",
    "HostPermit",
    "HostWaiter",
    "HttpConnection",
    "Listener",
    "Loop",
    "NativeCookieJar",
    "Netrc",
    "PipeTransport",
    "PoolWaiter",
    "RateLimiter",
    "ReadPipeTransport",
    "RequestBody",
    "ResponseSettings",
    "RetryRules",
    "Slot",
    "Socks5Handshake",
    "StreamTransport",
    "TimerHandle",
    "TlsProtocol",
    "TlsTransport",
    "Untouched",
    "WebSocket",
    "WebSocketOffer",
    "WritePipeTransport",
    "__version__",
    "_after_fork_in_child",
    "_after_fork_in_parent",
    "_before_fork",
    "_own_methods",
    "_prepare_watch",
    "_read_own_stack",
    "_remove_label",
    "_set_label",
    "_thread_state",
    "_walk_threads",
    "add_stream_drain",
    "add_stream_reads",
    "encode_request_head",
    "parse_cookie_field",
    "parse_retry_after",
    "parse_set_cookies",
]

__version__: Final[str]
# Whether it was built with debug assertions: then it is too slow to be measured.
DEBUG_BUILD: Final[bool]

@type_check_only
class _Stats(TypedDict):
    turns: int
    polls: int
    steps: int
    poll_time: float | None
    busy_time: float | None
    step_times: list[tuple[float | None, int]]

@disjoint_base
class Loop:
    """The native part of an event loop: the scheduler, descriptors, the making of transports.

    A base of `aioxide.EventLoop`; by itself it lacks what that class inherits from asyncio.
    Only `call_soon_threadsafe()`, `time()`, `stats()`, `is_running()` and `is_closed()` may be
    called from a thread that does not run the loop.
    """

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        """Make a loop that is not running. Raises OSError when out of descriptors."""

    # Tasks

    def _look_after_tasks(self, sites: bool, lost: bool, notes: bool) -> None:
        """What to know: where tasks were spawned, exceptions nobody asks for, who cancels."""

    @property
    def _held_tasks(self) -> int:
        """How many tasks the loop holds."""

    @property
    def _reads_frames(self) -> bool:
        """Whether spawn sites are read out of the interpreter's frames, or asked of it."""

    def _spawn_site(self, task: object) -> list[tuple[CodeType, int]]:
        """Code and instruction where a task was spawned, from the innermost frame outwards."""

    def _open_transports(self) -> list[object]:
        """The transports that read or write, and the listening sockets."""

    def _lost_since(self, task: object, since: float) -> None:
        """A task that has failed is watched since then."""

    def _take_lost(
        self, until: float
    ) -> tuple[list[ReferenceType[asyncio.Task[object]]], float | None]:
        """The tasks that are watched since `until`, or longer; since when the next one is."""

    # Callbacks

    def call_soon(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> Handle:
        """Run callback(*args) in the next turn, after what is scheduled already.

        It runs in `context`, by default in a copy of the current one. The handle cancels it. Raises
        RuntimeError when the loop is closed; in debug mode also in another thread than the loop's,
        and TypeError when `callback` cannot be called or is a coroutine.
        """

    def call_soon_threadsafe(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> Handle:
        """Do as `call_soon()`, from any thread or signal handler. Ends a wait of the loop."""

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> TimerHandle:
        """Run callback(*args) once `delay` seconds have passed, not before, and never at once.

        Timers run in the order of their times. Cancelling the handle frees what it holds at once.
        Raises TypeError when `delay` is no number, ValueError when it is NaN, else as
        `call_soon()`.
        """

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> TimerHandle:
        """Do as `call_later()`, at a time of the loop's clock, in seconds: see `time()`."""

    def time(self) -> float:
        """The loop's clock, in seconds: the same as time.monotonic()."""

    # Tasks and futures

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future of this loop."""

    def create_task(
        self,
        coro: Coroutine[Any, Any, _T] | Generator[Any, None, _T],
        *,
        name: object = None,
        context: Context | None = None,
        **kwargs: Any,
    ) -> asyncio.Task[_T]:
        """Schedule a coroutine. The task can be cancelled.

        Further arguments go to the task factory or to asyncio.Task. Raises RuntimeError when the
        loop is closed, TypeError for what is no coroutine.
        """

    def set_task_factory(self, factory: _TaskFactory | None) -> None:
        """Let factory(loop, coro, **kwargs) make the tasks, or asyncio.Task for None.

        Raises TypeError when it is neither callable nor None.
        """

    def get_task_factory(self) -> _TaskFactory | None:
        """Return the task factory, or None."""

    # Descriptors

    def add_reader(
        self,
        fd: FileDescriptorLike,
        callback: Callable[[*_Ts], Any],
        *args: *_Ts,
    ) -> None:
        """Call callback(*args) in every turn that finds the descriptor readable.

        `fd` is a number or an object with fileno(). A reader that was there is replaced. Raises
        ValueError for what is no descriptor, PermissionError for a regular file, OSError for one
        that is closed, RuntimeError when a transport uses it or the loop is closed.
        """

    def add_writer(
        self,
        fd: FileDescriptorLike,
        callback: Callable[[*_Ts], Any],
        *args: *_Ts,
    ) -> None:
        """Call callback(*args) in every turn that finds the descriptor writable. Else as above."""

    def remove_reader(self, fd: FileDescriptorLike) -> bool:
        """Undo `add_reader()`; return whether there was a reader."""

    def remove_writer(self, fd: FileDescriptorLike) -> bool:
        """Undo `add_writer()`; return whether there was a writer."""

    # Life

    def stop(self) -> None:
        """Let `run_forever()` return at the end of this turn, or after one turn of the next run."""

    def is_running(self) -> bool:
        """Whether a thread runs the loop."""

    def is_closed(self) -> bool:
        """Whether `close()` was called."""

    def get_debug(self) -> bool:
        """Whether debug mode is on."""

    def stats(self) -> _Stats:
        """The loop's counters since it was made.

        How many turns, polls and steps (callbacks) there were; the seconds spent waiting for events
        and busy, None until the clock is calibrated; and for each power of two that occurred
        (seconds, count): how many steps took at least that long and less than twice as long.
        """

    # For aioxide._loop and for asyncio's own code

    _debug: bool
    _closed: bool
    _stopping: bool
    _thread_id: int | None
    _current_handle: asyncio.Handle | None
    _task_factory: _TaskFactory | None
    _other_clock: bool
    _other_select: bool

    def _run(
        self,
        thread: int,
        blocking: float | None = None,
        json: bool = False,
        action: Callable[[dict[str, Any]], object] | None = None,
    ) -> None: ...
    def _run_once(self) -> None: ...
    def _poll(self, timeout: float | None) -> list[tuple[int, int]]: ...
    def _ready_handles(self) -> list[asyncio.Handle]: ...
    def _insert_ready(self, handle: asyncio.Handle, next: asyncio.Handle | None = None) -> None: ...
    def _remove_ready(self, handle: asyncio.Handle) -> bool: ...
    def _timer_handles(self) -> list[asyncio.TimerHandle]: ...
    def _close(self) -> None: ...
    def _check_closed(self) -> None: ...
    def _write_to_self(self) -> None: ...
    def _add_callback(self, handle: asyncio.Handle) -> None: ...
    def _add_callback_signalsafe(self, handle: asyncio.Handle) -> None: ...
    def _add_reader(
        self,
        fd: FileDescriptorLike,
        callback: Callable[[*_Ts], Any],
        *args: *_Ts,
        context: Context | None = None,
    ) -> Handle: ...
    def _add_writer(
        self,
        fd: FileDescriptorLike,
        callback: Callable[[*_Ts], Any],
        *args: *_Ts,
        context: Context | None = None,
    ) -> Handle: ...
    def _remove_reader(self, fd: FileDescriptorLike) -> bool: ...
    def _remove_writer(self, fd: FileDescriptorLike) -> bool: ...
    def _watched(
        self, fd: FileDescriptorLike
    ) -> (
        tuple[int, Handle | asyncio.Future[None] | None, Handle | asyncio.Future[None] | None]
        | None
    ): ...
    def _takes_socket(self, sock: socket.socket, /) -> bool: ...
    def _new_socket(self, sock: socket.socket, /) -> None: ...
    def _recv_now(self, sock: socket.socket, n: int, /) -> Any: ...
    def _recv_into_now(self, sock: socket.socket, buf: Buffer, /) -> Any: ...
    def _send_now(self, sock: socket.socket, data: Buffer, /) -> int | None: ...
    def _wait_ready(self, sock: socket.socket, writing: bool, /) -> asyncio.Future[None]: ...
    def _stop_waiting(
        self, sock: socket.socket, future: asyncio.Future[None], writing: bool, /
    ) -> None: ...
    def _refuse_transports(self, fd: FileDescriptorLike) -> None: ...
    def _know_transports(self, others: MutableMapping[int, Any]) -> None: ...
    def _lend(self, transport: StreamTransport) -> None: ...
    def _take_back(self, transport: StreamTransport) -> None: ...
    def _listener(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        sock: socket.socket,
        server: Server | None = None,
        backlog: int = 100,
        context: Context | None = None,
        sslcontext: ssl.SSLContext | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> Listener: ...
    def _tls_protocol(
        self,
        protocol: asyncio.BaseProtocol,
        sslcontext: ssl.SSLContext | None,
        waiter: asyncio.Future[Any] | None,
        server_side: bool = False,
        server_hostname: str | None = None,
        call_connection_made: bool = True,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> TlsProtocol: ...
    def _stream_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
        server: Server | None = None,
        context: Context | None = None,
    ) -> StreamTransport: ...
    def _read_pipe(
        self,
        pipe: FileDescriptorLike,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> ReadPipeTransport: ...
    def _write_pipe(
        self,
        pipe: FileDescriptorLike,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> WritePipeTransport: ...
    def _datagram_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        address: Any = None,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> DatagramTransport | None: ...

@disjoint_base
class Handle(asyncio.Handle):
    """A scheduled callback, as returned by `Loop.call_soon()`. Programs do not make any."""

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Raise TypeError."""

    def cancel(self) -> None:
        """Do not run the callback, and let go of it and its arguments at once.

        Once it has run, or is cancelled, nothing happens.
        """

    def cancelled(self) -> bool:
        """Whether `cancel()` was called."""

    def get_context(self) -> Context:
        """The context that the callback runs in."""

    def _run(self) -> None: ...
    def _repr_info(self) -> list[str]: ...

@final
class TimerHandle(asyncio.TimerHandle):
    """A callback that is scheduled for a time, as returned by `call_later()` and `call_at()`.

    Timers are ordered by their time; equal when callback, arguments and state are equal, too.
    """

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Raise TypeError."""

    def __hash__(self) -> int: ...
    def __lt__(self, value: asyncio.TimerHandle, /) -> bool: ...
    def __le__(self, value: asyncio.TimerHandle, /) -> bool: ...
    def __gt__(self, value: asyncio.TimerHandle, /) -> bool: ...
    def __ge__(self, value: asyncio.TimerHandle, /) -> bool: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def when(self) -> float:
        """When it is due, in seconds on the loop's clock."""

@final
class StreamTransport(asyncio.Transport):
    """A TCP connection. Loops make it; it belongs to the thread of its loop.

    Exceptions that a method of the protocol raises go to the loop's exception handler and, where
    asyncio does so, end the connection.
    """

    _start_tls_compatible: ClassVar[bool]
    _sendfile_compatible: ClassVar[_SendfileMode]

    @property
    def _loop(self) -> Loop | None: ...
    @property
    def _protocol(self) -> asyncio.BaseProtocol | None: ...
    @property
    def _extra(self) -> dict[str, Any]: ...
    @property
    def _sock(self) -> socket.socket | None: ...
    @property
    def _sock_fd(self) -> int: ...
    @property
    def _closing(self) -> bool: ...
    @property
    def _conn_lost(self) -> int: ...
    @property
    def _protocol_paused(self) -> bool: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Information on the connection; `default` for what there is not.

        "socket" (asyncio.trsock.TransportSocket), "sockname", "peername".
        """

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol; data that comes later goes there."""

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the current protocol."""

    def is_closing(self) -> bool:
        """Whether it was closed or aborted, or the connection is lost."""

    def close(self) -> None:
        """Send what is written, then close; the protocol's connection_lost(None) follows."""

    def abort(self) -> None:
        """Close without sending what the peer has not taken yet; connection_lost(None) follows."""

    def is_reading(self) -> bool:
        """Whether data is being read: not paused, not closing."""

    def pause_reading(self) -> None:
        """Read nothing until `resume_reading()`. Nothing happens when paused or closing."""

    def resume_reading(self) -> None:
        """Read again. Nothing happens when not paused, or closing."""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send data; what the peer does not take yet is kept. Never waits.

        The buffer may be changed afterwards: what is kept of it is a copy. Raises TypeError for
        other types, RuntimeError after `write_eof()`.
        """

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Send every item, in order, with one system call where possible. Raises as `write()`."""

    def write_eof(self) -> None:
        """Send what is written, then close the writing half. Nothing happens when closing."""

    def can_write_eof(self) -> bool:
        """Whether `write_eof()` works: it does."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks of flow control, in bytes.

        The protocol's pause_writing() is called above `high`, resume_writing() at `low` and below.
        By default `high` is 64 KiB, or four times `low`, and `low` a quarter of `high`. Raises
        ValueError unless high >= low >= 0.
        """

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return (low, high), in bytes."""

    def get_write_buffer_size(self) -> int:
        """How many bytes the peer has not taken yet."""

    def _force_close(self, exc: BaseException | None) -> None: ...
    def _fatal_error(
        self, exc: BaseException, message: str = "Fatal error on transport"
    ) -> None: ...
    def _call_connection_lost(self, exc: BaseException | None) -> None: ...
    def _make_empty_waiter(self) -> asyncio.Future[None]: ...
    def _reset_empty_waiter(self) -> None: ...

@disjoint_base
class PipeTransport(asyncio.BaseTransport):
    """What both ends of a pipe have in common. Attributes of one's own may be set on them."""

    @property
    def _loop(self) -> Loop | None: ...
    @property
    def _protocol(self) -> asyncio.BaseProtocol | None: ...
    @property
    def _extra(self) -> dict[str, Any]: ...
    _pipe: Any
    @property
    def _fileno(self) -> int: ...
    @property
    def _closing(self) -> bool: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return "pipe", the object that was given; `default` for what there is not."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the pipe to another protocol."""

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the current protocol."""

    def is_closing(self) -> bool:
        """Whether it was closed, or is lost."""

    def _call_connection_lost(self, exc: BaseException | None) -> None: ...

@final
class ReadPipeTransport(PipeTransport, asyncio.ReadTransport):
    """The reading end of a pipe. Loops make it; it belongs to the thread of its loop.

    What a method of the protocol raises goes to the loop's exception handler; reading goes on.
    """

    @property
    def _paused(self) -> bool: ...
    def close(self) -> None:
        """Read no more, and close; the protocol's connection_lost(None) follows."""

    def is_reading(self) -> bool:
        """Whether data is being read: not paused, not closing."""

    def pause_reading(self) -> None:
        """Read nothing until `resume_reading()`. Nothing happens when paused or closing."""

    def resume_reading(self) -> None:
        """Read again. Nothing happens when not paused, or closing."""

    def _start(self) -> None: ...
    def _read_ready(self) -> None: ...

@final
class WritePipeTransport(PipeTransport, asyncio.WriteTransport):
    """The writing end of a pipe. Loops make it; it belongs to the thread of its loop.

    It closes when the reader does, except on terminals, where nobody tells.
    """

    @property
    def _conn_lost(self) -> int: ...
    @property
    def _protocol_paused(self) -> bool: ...
    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Write data; what the pipe does not take yet is kept. Never waits.

        The buffer may be changed afterwards: what is kept of it is a copy. Raises AssertionError
        for other types.
        """

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Write every item, in order."""

    def write_eof(self) -> None:
        """Write what is queued, then close. Nothing happens when closing."""

    def can_write_eof(self) -> bool:
        """Whether `write_eof()` works: it does."""

    def close(self) -> None:
        """Write what is queued, then close; the protocol's connection_lost(None) follows."""

    def abort(self) -> None:
        """Close without writing what is queued; connection_lost(None) follows."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks of flow control, in bytes.

        The protocol's pause_writing() is called above `high`, resume_writing() when everything is
        written. By default `high` is 64 KiB, or four times `low`, and `low` a quarter of `high`.
        Raises ValueError unless high >= low >= 0.
        """

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return (low, high), in bytes."""

    def get_write_buffer_size(self) -> int:
        """How many bytes the pipe has not taken yet."""

    def is_reading(self) -> bool:
        """Raise NotImplementedError, as the two below: this end only writes."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def _start(self) -> None: ...
    def _read_ready(self) -> None: ...
    def _write_ready(self) -> None: ...

@final
class DatagramTransport(asyncio.DatagramTransport):
    """A UDP socket or a Unix datagram socket. Loops make it; it belongs to the thread of its loop.

    Where the protocol's class has a method `datagrams_received(datagrams)`, that gets what came
    together, a list of (data, addr), in place of one datagram_received(data, addr) for each.
    Exceptions that a method of the protocol raises go to the loop's exception handler, and the
    endpoint goes on.
    """

    @property
    def _loop(self) -> Loop | None: ...
    @property
    def _protocol(self) -> asyncio.BaseProtocol | None: ...
    @property
    def _extra(self) -> dict[str, Any]: ...
    @property
    def _address(self) -> Any: ...
    @property
    def _sock(self) -> socket.socket | None: ...
    @property
    def _sock_fd(self) -> int: ...
    @property
    def _paused(self) -> bool: ...
    @property
    def _closing(self) -> bool: ...
    @property
    def _conn_lost(self) -> int: ...
    @property
    def _protocol_paused(self) -> bool: ...
    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Raise NotImplementedError, as the three below: `sendto()` sends."""

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None: ...
    def write_eof(self) -> None: ...
    def can_write_eof(self) -> bool: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Information on the endpoint; `default` for what there is not.

        "socket" (asyncio.trsock.TransportSocket), "sockname", "peername".
        """

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the endpoint to another protocol; datagrams that come later go there."""

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the current protocol."""

    def is_closing(self) -> bool:
        """Whether it was closed or aborted, or the endpoint is lost."""

    def close(self) -> None:
        """Send what is queued, then close; the protocol's connection_lost(None) follows."""

    def abort(self) -> None:
        """Close without sending what there was no room for; connection_lost(None) follows."""

    def is_reading(self) -> bool:
        """Whether datagrams are delivered. Up to Python 3.11 raises NotImplementedError."""

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading()`. Nothing happens when paused or closing.

        Up to Python 3.11 raises NotImplementedError.
        """

    def resume_reading(self) -> None:
        """Deliver again. Nothing happens when not paused, or closing.

        Up to Python 3.11 raises NotImplementedError.
        """

    def sendto(self, data: bytes | bytearray | memoryview[Any], addr: Any = None) -> None:
        """Send a datagram; what there is no room for is kept. Never waits.

        `addr` may be None where the endpoint has a remote address. Up to Python 3.12 nothing is
        sent of empty data. Raises TypeError for other types of data, ValueError for another address
        than the remote one.
        """

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks of flow control, in bytes.

        The protocol's pause_writing() is called above `high`, resume_writing() at `low` and below.
        By default `high` is 64 KiB, or four times `low`, and `low` a quarter of `high`. Raises
        ValueError unless high >= low >= 0.
        """

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return (low, high), in bytes."""

    def get_write_buffer_size(self) -> int:
        """How many bytes wait for room, from Python 3.13 on with 8 for each datagram."""

    def _receive_coalesced(self) -> None: ...
    def _force_close(self, exc: BaseException | None) -> None: ...
    def _fatal_error(
        self, exc: BaseException, message: str = "Fatal error on transport"
    ) -> None: ...
    def _call_connection_lost(self, exc: BaseException | None) -> None: ...

@final
class Listener:
    """Accepts the connections of one listening socket, which it does not own."""

    def start(self) -> None:
        """Accept connections. Raises OSError when the descriptor cannot be watched."""

    def stop(self) -> None:
        """Accept no more. The socket stays open."""

# The watchdog: see docs/diagnostics-blocking.md.

@type_check_only
class _Walks(TypedDict):
    walks: int
    frames: int
    torn: int
    lost: int
    unreadable: int
    longest: float
    functions: dict[str, int]

def _set_label(task: object, text: str) -> bool:
    """Label a task; True if it had no label before."""

def _remove_label(task: int) -> bool:
    """Remove the label of the task at that address; False if it has none."""

def _own_methods(cls: type[Loop], /) -> None:
    """Give a subclass of Loop the methods that run per callback as its own."""

def _prepare_watch() -> None:
    """Find out once what the watchdog has to know of the interpreter."""

def _before_fork() -> None: ...
def _after_fork_in_parent() -> None: ...
def _after_fork_in_child() -> None: ...
def _read_own_stack() -> list[tuple[str, int, str]] | str:
    """The (file, line, function) of each frame, or why they cannot be read."""

def _thread_state() -> int: ...
def _walk_threads(states: list[int], seconds: float) -> _Walks: ...
def add_stream_reads(reader: type[asyncio.StreamReader], /) -> None:
    """Give a class that derives from asyncio.StreamReader its native methods."""

def add_stream_drain(writer: type[asyncio.StreamWriter], /) -> None:
    """Give a class that derives from asyncio.StreamWriter its native method."""

@final
class TlsProtocol:
    """TLS on a connection: the protocol of the transport below a TlsTransport."""

    @property
    def _transport(self) -> StreamTransport | None: ...
    @property
    def _app_transport(self) -> TlsTransport | None: ...
    @property
    def _app_protocol(self) -> asyncio.BaseProtocol | None: ...
    @property
    def _app_reading_paused(self) -> bool: ...
    @property
    def _sslobj(self) -> ssl.SSLObject: ...
    def connection_made(self, transport: StreamTransport) -> None:
        """Begin the handshake: the transport below is connected."""

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the program's protocol, and let go of everything."""

    def eof_received(self) -> bool:
        """The peer has closed the connection below; return whether that is to stay open."""

    def pause_writing(self) -> None:
        """Keep what is encrypted: the transport below has too much to send."""

    def resume_writing(self) -> None:
        """Send what was kept."""

    def _do_read(self) -> None: ...
    def _read_again(self) -> None: ...
    def _check_handshake_timeout(self) -> None: ...
    def _check_shutdown_timeout(self) -> None: ...
    def _feed(self, data: bytes) -> None: ...

@final
class TlsTransport(asyncio.Transport):
    """A TLS connection. Loops make it; it belongs to the thread of its loop.

    Exceptions that a method of the protocol raises go to the loop's exception handler and, where
    asyncio does so, end the connection.
    """

    _start_tls_compatible: ClassVar[bool]
    _sendfile_compatible: ClassVar[_SendfileMode]

    @property
    def _loop(self) -> Loop: ...
    @property
    def _ssl_protocol(self) -> TlsProtocol: ...
    @property
    def _closed(self) -> bool: ...
    @property
    def _protocol_paused(self) -> bool: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Information on the connection; `default` for what there is not.

        "ssl_object", "sslcontext", "peercert", "cipher", "compression", and what the transport
        below knows: "socket", "sockname", "peername".
        """

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol; data that comes later goes there."""

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the current protocol."""

    def is_closing(self) -> bool:
        """Whether it was closed or aborted, or the connection is lost."""

    def close(self) -> None:
        """Send what is written, say close_notify and wait for the peer's, then close.

        The protocol's connection_lost(None) follows, after `ssl_shutdown_timeout` at the latest.
        """

    def abort(self) -> None:
        """Close without sending what the peer has not taken yet; connection_lost(None) follows."""

    def is_reading(self) -> bool:
        """Whether data is given to the protocol: not paused."""

    def pause_reading(self) -> None:
        """Give no data to the protocol until `resume_reading()`."""

    def resume_reading(self) -> None:
        """Give data to the protocol again, from the next turn on."""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Encrypt data and send it; what the peer does not take yet is kept. Never waits.

        Before the handshake is done it is kept. Raises TypeError for other types.
        """

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Encrypt and send every item, in order; small items share a record."""

    def write_eof(self) -> None:
        """Raise NotImplementedError: TLS has no half-closed connections."""

    def can_write_eof(self) -> bool:
        """Whether `write_eof()` works: it does not."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks of flow control, in bytes.

        The protocol's pause_writing() is called at `high`, resume_writing() at `low` and below. By
        default `high` is 512 KiB, or four times `low`, and `low` a quarter of `high`. Raises
        ValueError unless high >= low >= 0.
        """

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return (low, high), in bytes."""

    def get_write_buffer_size(self) -> int:
        """How many bytes are written and not with the transport below yet."""

    def set_read_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks for what is received and not decrypted, in bytes.

        The transport below stops reading at `high` and goes on at `low`. By default `high` is
        256 KiB, or four times `low`. Raises ValueError unless high >= low >= 0.
        """

    def get_read_buffer_limits(self) -> tuple[int, int]:
        """Return (low, high), in bytes."""

    def get_read_buffer_size(self) -> int:
        """How many bytes are received and not decrypted."""

    def _force_close(self, exc: BaseException | None) -> None: ...
    def _test__append_write_backlog(self, data: bytes) -> None: ...

# The HTTP client.

@final
class ResponseSettings:
    """How the response to a request is read. Sizes are bytes, None is no limit."""

    def __new__(
        cls,
        *,
        read_until_eof: bool = True,
        auto_decompress: bool = True,
        read_bufsize: int = 262_144,
        max_line_size: int = 8190,
        max_field_size: int = 8190,
        max_headers: int = 128,
        max_body_size: int | None = None,
        max_decompressed_size: int | None = None,
    ) -> Self: ...
    @property
    def read_until_eof(self) -> bool: ...
    @property
    def auto_decompress(self) -> bool: ...
    @property
    def read_bufsize(self) -> int: ...
    @property
    def max_line_size(self) -> int: ...
    @property
    def max_field_size(self) -> int: ...
    @property
    def max_headers(self) -> int: ...
    @property
    def max_body_size(self) -> int | None: ...
    @property
    def max_decompressed_size(self) -> int | None: ...

@final
class HeadTemplate:
    """What heads of requests have in common, made ready."""

    def __new__(
        cls, method: str, fields: list[tuple[str, str | int | None]], minor: int = 1
    ) -> HeadTemplate:
        """A template of headers, pairs of a name and what its value is: text; a number, for the
        value of that index that is given with each head; None for the body's length.

        Raises ValueError for what may not stand in a head.
        """

    def pieces(
        self, target: str, values: tuple[Any, ...], body: bytes | bytearray | None = None
    ) -> list[Any] | None:
        """What to send for one request: its head and body. None where the target or a value may not
        stand in a head, or a value is not exactly str."""

@final
class RequestBody:
    """The framing of a request's body: what goes around its pieces."""

    @staticmethod
    def empty() -> RequestBody: ...
    @staticmethod
    def length(length: int) -> RequestBody: ...
    @staticmethod
    def chunked() -> RequestBody: ...
    def frame(self, data: bytes | bytearray | memoryview) -> list[Any]:
        """What to send for a piece. Raises ValueError when the body gets longer than announced."""

    def finish(self) -> bytes:
        """What ends the body. Raises ValueError when it is shorter than announced."""

def encode_request_head(method: str, target: str, headers: Any, minor: int = 1) -> bytes:
    """The bytes of a request's head. `headers` is a mapping with `items()`; names and values are
    str.

    Raises ValueError for what may not stand in a head, TypeError for a value that is not str.
    """

@final
class HttpConnection:
    """A connection of the HTTP client; an asyncio protocol."""

    def __new__(cls, event_loop: Loop) -> Self: ...
    def begin(self, method: str, pieces: list[Any], settings: ResponseSettings) -> Exchange:
        """Send a request's head, with as much of its body as is there, and await its response.

        Raises ClientConnectionResetError when the connection has ended, RuntimeError when it is
        not idle.
        """

    def dial(
        self,
        addresses: list[Any],
        delay: float | None = None,
        limit: tuple[float, str, float] | None = None,
        tls: TlsProtocol | None = None,
    ) -> bool:
        """Begin to connect to one of several addresses, as getaddrinfo() gives them.

        Each is tried when those before have failed, or `delay` seconds after the one before.
        `limit` is until when, in the loop's time, whose limit that is, and of how many seconds.
        What begin() is given is sent when there is a connection. With `tls`, a protocol for this
        one, there is one when its handshake is done, which the waiter of that protocol tells.
        Returns False, and does nothing, for addresses that are not plain. Raises RuntimeError when
        it was dialled or connected before.
        """

    def dial_waiter(self) -> asyncio.Future[StreamTransport] | None:
        """A future of the transport of the socket that is connected first, which has the exception
        if none will be; None when one is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, exc: BaseException | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def drain_waiter(self) -> asyncio.Future[None] | None:
        """A future to wait for before more is written, or None.

        Raises ClientConnectionResetError when the connection has ended.
        """

    def write(self, data: bytes | bytearray | memoryview) -> None: ...
    def writelines(self, pieces: list[Any]) -> None: ...
    def is_connected(self) -> bool: ...
    def exception(self) -> BaseException | None: ...
    def close(self) -> None: ...
    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None: ...
    def abort(self) -> None: ...
    def force_close(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self, resume_parser: bool = True) -> None: ...
    def set_successor(self, successor: Any) -> None:
        """After an upgrade: give the bytes that come, and those that have come, to a protocol.

        Raises RuntimeError when the connection is not upgraded.
        """

    def set_parser(
        self,
        parser: Any,
        payload: Any,
        data_received_cb: Callable[[], object] | None = None,
    ) -> None:
        """After an upgrade: feed the bytes that come, and those that have come, to a parser, by
        `feed_data(data)` and at the end `feed_eof()`. `payload` is what the parser fills.

        Raises RuntimeError when the connection is not upgraded.
        """

    def _drain_helper(self) -> Coroutine[Any, Any, None]: ...
    @property
    def transport(self) -> Any: ...
    @property
    def reusable(self) -> bool: ...
    @property
    def should_close(self) -> bool: ...
    @property
    def upgraded(self) -> bool: ...
    @property
    def closed(self) -> asyncio.Future[None] | None: ...
    @property
    def connected(self) -> bool: ...
    @property
    def writing_paused(self) -> bool: ...
    @property
    def _reading_paused(self) -> bool: ...
    def _dial_failed(self) -> None: ...
    def _dial_next(self) -> None: ...
    def _handshake_ended(self, waiter: asyncio.Future[None], /) -> None: ...
    def _look_at_deadline(self) -> None: ...

@final
class Exchange:
    """One request on a connection, and its response."""

    def head_waiter(self) -> asyncio.Future[None] | None:
        """A future to wait for before the head is there, or None if it is.

        Raises what ended the exchange before it.
        """

    def continue_waiter(self) -> asyncio.Future[None] | None:
        """A future that is done when the peer wants the body, or has answered; None if so."""

    def start(self, ended: Callable[[], object]) -> tuple[int, str, int, list[str] | None]:
        """The head, which is there: status, reason, minor version and the values of Set-Cookie.

        `ended()` is called when the connection is free or lost, at once if it is.
        """

    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]: ...
    def header_items(self) -> list[tuple[str, str]]: ...
    def header(self, name: str) -> str | None: ...
    def header_all(self, name: str) -> list[str]: ...
    def read(self) -> Any:
        """The whole body, if it is there; else a future to wait for, after which to ask again.

        Raises what ended the body.
        """

    def peek(self) -> bytes | None:
        """The whole body, if it is there and nobody has taken it, and stays there; else None."""

    def attach(self, reader: Any) -> None:
        """From now on everything goes to a StreamReader, beginning with what has come."""

    def cut(self, size: int) -> None:
        """Feed what comes from now on in pieces of up to `size` bytes; 0 is as it comes."""

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call `callback()` once, when the connection is free or lost; at once if it is."""

    def set_timeout(self, seconds: float) -> None:
        """Fail with TimeoutError when the response has not ended in so many seconds."""

    def set_read_timeout(self, seconds: float) -> None:
        """Fail with SocketTimeoutError when nothing comes for so many seconds."""

    def stop_timers(self) -> None: ...
    def abandon(self, exception: BaseException) -> None:
        """Let the response fail with an exception, and close its connection."""

    def pause_reading(self) -> None: ...
    def resume_reading(self, resume_parser: bool = True) -> None: ...
    @property
    def went_on(self) -> bool: ...
    @property
    def status(self) -> int | None: ...
    @property
    def minor(self) -> int | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def upgraded(self) -> bool: ...
    @property
    def ended(self) -> bool: ...
    @property
    def connected(self) -> bool: ...
    @property
    def connection(self) -> HttpConnection | None: ...
    @property
    def high(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    def _silent(self) -> None: ...

@final
class Untouched:
    """Whether classes and objects still have the methods that a native way leaves out.

    classes: each with the names that must not be in the `__dict__` of an object of it. check():
    whether the classes are as they should be; it is asked again when one has changed.
    """

    def __new__(
        cls, classes: list[tuple[type, tuple[str, ...]]], check: Callable[[], bool]
    ) -> Self: ...
    def holds(self, *objects: object) -> bool:
        """Whether all is as it was. Each object must be of exactly the class in its place; further
        classes stand for themselves. Not so while there are audit hooks."""

@final
class ConnectionPool:
    """The connections that a connector keeps, and who waits for one."""

    def __new__(
        cls,
        event_loop: Loop,
        limit: int,
        limit_per_host: int,
        keepalive_timeout: float | None,
        force_close: bool,
    ) -> Self: ...
    def acquire(self, key: int, now: float) -> Slot | PoolWaiter:
        """A Slot, or a PoolWaiter for one. Raises RuntimeError when the pool is closed."""

    def take_idle(self, key: int, now: float) -> Slot | None:
        """A Slot with an idle connection, or None."""

    def take_new(self, key: int) -> Slot | None:
        """A Slot to open a connection with, or None where that is to wait."""

    def claim(self, waiter: PoolWaiter, now: float) -> Slot | PoolWaiter:
        """A Slot for a waiter that was woken; the waiter again if it was not."""

    def next_expiry(self) -> float | None: ...
    def expire(self, now: float) -> None: ...
    def close(self) -> list[HttpConnection]: ...
    def set_max_descriptors(self, count: int) -> None: ...
    def stats(self) -> dict[str, int]: ...
    def idle(self, key: int) -> list[HttpConnection]: ...
    def keys(self) -> list[int]: ...

@final
class Slot:
    """The right to one connection, and the connection once it is there.

    One that is dropped gives its place back, and closes its connection.
    """

    def adopt(self, connection: HttpConnection) -> None: ...
    def release(self, now: float) -> None: ...
    def discard(self) -> None: ...
    @property
    def connection(self) -> HttpConnection | None: ...

@final
class PoolWaiter:
    """A place in the queue for a connection. One that is dropped leaves the queue."""

    def cancel(self) -> None: ...
    @property
    def future(self) -> asyncio.Future[None]: ...

@final
class HostLimiter:
    """How often and how many at a time a host is asked."""

    def __new__(
        cls,
        event_loop: Loop,
        *,
        requests: int | None,
        per: float,
        burst: int,
        strict: bool,
        concurrency: int,
        max_waiting: int,
    ) -> Self: ...
    def acquire(self, now: float) -> HostPermit | HostWaiter:
        """A HostPermit, or a HostWaiter for one. Raises RuntimeError when too many wait."""

    def claim(self, waiter: HostWaiter, now: float) -> HostPermit | HostWaiter:
        """A HostPermit for a waiter whose future is done; a waiter again if it is not its turn."""

    def close(self) -> None: ...
    def stats(self) -> dict[str, int]: ...
    def _due(self) -> None: ...

@final
class HostPermit:
    """A request that was let through. It counts as under way until it is released or dropped."""

    def release(self) -> None: ...

@final
class HostWaiter:
    """A request that waits for its turn. One that is dropped leaves the queue."""

    def cancel(self) -> None: ...
    @property
    def future(self) -> asyncio.Future[None]: ...

@final
class RetryRules:
    """When a request is made again. An attempt is (its number from 1, the method, whether its body
    can be sent once more, seconds since the first one began)."""

    def __new__(
        cls,
        *,
        attempts: int,
        backoff: float,
        factor: float,
        max_backoff: float,
        jitter: bool,
        errors: list[str],
        statuses: list[int],
        max_retry_after: float | None,
        any_method: bool,
        budget: float | None,
    ) -> Self: ...
    def after_response(
        self,
        attempt: tuple[int, str, bool, float],
        status: int,
        retry_after: str | None,
        unix: float,
        random: int,
    ) -> tuple[float | None, str | None]:
        """Seconds to wait before the next attempt, or None and why there is none."""

    def after_error(
        self, attempt: tuple[int, str, bool, float], error: str, random: int
    ) -> tuple[float | None, str | None]:
        """The same after an error."""

@final
class Socks5Handshake:
    """A handshake with a SOCKS5 proxy: bytes in, bytes out."""

    def __new__(
        cls, host: str, port: int, credentials: tuple[bytes, bytes] | None = None
    ) -> Self: ...
    def output(self) -> bytes | None:
        """What is to be sent to the proxy, or None."""

    def feed(self, data: bytes) -> tuple[int, bool]:
        """Bytes from the proxy: how many were the handshake's, and whether the way is open."""

@final
class NativeCookieJar:
    """The cookies of a session.

    Times are seconds since 1970. A target is (scheme, raw host or None, port or None, path) of a
    URL. A cookie comes as (name, key, value, coded value, attributes).
    """

    def __new__(
        cls,
        accept_addresses: bool,
        quote_cookie: bool,
        secure_origins: list[tuple[str, str, int | None]],
        limited: bool,
    ) -> Self: ...
    def __len__(self) -> int: ...
    @property
    def generation(self) -> int:
        """Another number after each change."""

    def update(self, now: float, cookies: list[Any], target: _CookieTarget) -> int:
        """Take cookies as if a response from the target had set them; how many were refused."""

    def update_from_fields(
        self, now: float, fields: Iterable[str], target: _CookieTarget
    ) -> tuple[int, list[str], int]:
        """Take the cookies of Set-Cookie fields.

        Returns how many were no cookies, the illegal names, and how many were over the limit.
        """

    def header(self, now: float, target: _CookieTarget) -> str | None:
        """The value of the Cookie field for a request, None where there is nothing to send."""

    def joined_header(
        self, now: float, target: _CookieTarget, other: NativeCookieJar
    ) -> str | None:
        """The same with the cookies of another jar, which replace those of the same name."""

    def select(self, now: float, target: _CookieTarget) -> list[tuple[str, str, str, str]]:
        """The cookies for a request, the most specific last: name, key, value, what is sent."""

    def entries(
        self,
    ) -> list[
        tuple[str, str, str, tuple[str, str, str, list[tuple[str, Any]]], bool, float | None]
    ]:
        """Every cookie: domain, path, name, (key, value, coded value, attributes), whether it is
        for its host only, its end.
        """

    def expire(self, now: float) -> None:
        """Take out the cookies that have ended."""

    def clear(self) -> None: ...
    def clear_domain(self, now: float, domain: str) -> None:
        """Take out the cookies of a domain and of those below, and those that have ended."""

    def remove(self, identities: list[tuple[str, str, str]]) -> None:
        """Take out the cookies of these domains, paths and names."""

    def load(self, now: float, saved: list[tuple[str, Any, bool, float | None]]) -> None:
        """Put cookies that were saved in place of what is there."""

def parse_set_cookies(
    fields: Iterable[str],
) -> tuple[list[tuple[str, str, str, list[tuple[str, Any]]]], tuple[int, list[str], int]]:
    """The cookies of Set-Cookie fields as (key, value, coded value, attributes), and what was not
    taken, as NativeCookieJar.update_from_fields() says it.
    """

def parse_cookie_field(field: str) -> list[tuple[str, str, str]]:
    """The cookies of a Cookie field: key, value and coded value of each."""

@final
class DigestCredentials:
    """A login and a password for one origin.

    A request is (origin, URL, request target). Raises ValueError for a login with a colon.
    """

    def __new__(cls, login: str, password: str, preemptive: bool) -> Self: ...
    def admits(self, request: tuple[str, str, str]) -> bool:
        """Whether the credentials are for a request. The first one decides for which origin."""

    def is_preemptive(self, request: tuple[str, str, str]) -> bool:
        """Whether a request carries credentials without being asked."""

    @property
    def needs_body(self) -> bool:
        """Whether authorization() hashes the request's body."""

    def challenged(self, status: int, fields: list[str], request: tuple[str, str, str]) -> bool:
        """Take a response. Whether the request is to be made once more, with credentials."""

    def authorization(
        self, method: str, request: tuple[str, str, str], body: bytes, random: bytes
    ) -> str:
        """The value of the Authorization header. Raises ValueError for a challenge that cannot be
        answered.
        """

@final
class Netrc:
    """The content of a netrc file. Raises ValueError for a mistake in it."""

    def __new__(cls, text: str) -> Self: ...
    def authenticators(self, host: str) -> tuple[str, str, str] | None:
        """Login, account and password for a host, or None: as Python's `netrc.netrc`."""

@final
class WebSocketOffer:
    """What the request for a WebSocket offers."""

    def __new__(cls, random: bytes, compress: int) -> Self: ...
    def check(
        self, status: int, headers: Any, protocols: Any
    ) -> tuple[str | None, tuple[int, int, bool, bool] | None]:
        """What was agreed. Raises ValueError with what is wrong with the answer."""

    @property
    def key(self) -> str: ...
    @property
    def extensions(self) -> str | None: ...

@final
class WebSocket:
    """A WebSocket on an upgraded connection."""

    def __new__(
        cls,
        connection: HttpConnection,
        max_msg_size: int,
        decode_text: bool,
        high: int,
        deflate: tuple[int, int, bool, bool] | None,
    ) -> Self: ...
    def on_data(self, callback: Callable[[], object]) -> None: ...
    def read(self) -> Any:
        """The next message as (type, data, extra); else a future to wait for.

        Raises WebSocketError for what the server must not send, and what ended the connection.
        """

    def stop_waiting(self) -> None: ...
    def feed_message(self, parts: tuple[Any, Any, Any]) -> None: ...
    def send(self, opcode: int, payload: Any, compress: int = 0, fin: bool = True) -> None:
        """Send a frame. Raises ClientConnectionResetError when the WebSocket is closing,
        ValueError for what may not be sent."""

    def send_close(self, code: int | None, reason: bytes) -> bool:
        """Send a Close. Returns whether one was sent: only the first is."""

    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def connection_lost(self, exc: BaseException | None) -> None: ...

@final
class RateLimiter:
    """Who may go, and when: a rate, a number at a time, and pauses. Times are a loop's, in seconds.

    `limit` calls in each `interval` seconds, 0 for any number; `concurrency` at a time, 0 for any
    number. Raises ValueError for an interval that is no length of time.
    """

    def __new__(
        cls, limit: int, interval: float, burst: int, strict: bool, concurrency: int
    ) -> Self: ...
    @property
    def active(self) -> int:
        """How many were let through and have not ended."""

    @property
    def waiting(self) -> int:
        """How many wait."""

    def acquire(self, now: float) -> int | None:
        """Take a turn (None), or a place in the queue (its number)."""

    def poll_woken(self, now: float) -> int | None:
        """The next waiter whose turn it is, each once."""

    def next_at(self) -> float | None:
        """When the next waiter's turn comes; None while that depends on others."""

    def claim(self, number: int, now: float) -> bool:
        """A waiter takes its turn. False when a pause has put it back, and it waits on.

        Raises ValueError for a number that does not wait.
        """

    def cancel_wait(self, number: int) -> None:
        """A waiter gives up."""

    def release(self) -> bool:
        """One that was let through has ended. False if there is none."""

    def pause_until(self, at: float) -> None:
        """Let nobody go before a time; a pause only grows."""

def parse_retry_after(value: str, unix: float) -> float | None:
    """The seconds that a server wishes by a Retry-After header, at `unix` seconds since 1970. None
    for what is neither a number of seconds nor a date.
    """
