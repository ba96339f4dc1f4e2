"""What the native loop does so rarely that it is Python.

Each function is called by name from the native module. The texts are asyncio's own.

Where a function calls the program's code, it forgets its arguments at the end: an exception keeps
the frames under the one that raised it, and would keep itself by what they hold.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
from asyncio import constants, trsock
from typing import TYPE_CHECKING, Any, cast

from aioxide._inside import base_events, events, format_helpers, futures, sslproto
from aioxide._tls_sessions import begin_handshake
from aioxide._unclosed import LEFT

if TYPE_CHECKING:
    from aioxide import _aioxide
    from aioxide._tls_sessions import Handshake

# The class; a test may have put a function in its place in the module.
_Socket = socket.socket


# Handles


def callback_failed(handle: Any, exc: BaseException) -> None:
    """Tell the exception handler that a callback raised, as `Handle._run` does."""
    context: dict[str, Any] | None = None
    try:
        source = format_helpers._format_callback_source(handle._callback, handle._args or ())
        context = {"message": f"Exception in callback {source}", "exception": exc, "handle": handle}
        if handle._source_traceback:
            context["source_traceback"] = handle._source_traceback
        handle._loop.call_exception_handler(context)
    finally:
        del handle, exc, context


def handle_repr(handle: Any) -> Any:
    return events.Handle.__repr__(handle)


def handle_repr_info(handle: Any) -> Any:
    return handle.__class__._repr_info(handle)


_COMPARE = ("__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__")


def compare_timers(left: Any, right: Any, operation: int) -> Any:
    """Order by time, equal when everything is; `operation` as for tp_richcompare."""
    return getattr(events.TimerHandle, _COMPARE[operation])(left, right)


def locked_lock() -> threading.Lock:
    """What a thread waits for that would cancel a callback which another one runs."""
    lock = threading.Lock()
    lock.acquire()
    return lock


def wait_for_release(lock: threading.Lock) -> None:
    # Whoever comes through lets the next one through.
    with lock:
        pass


def source_traceback() -> Any:
    """The stack of whoever schedules."""
    return format_helpers.extract_stack(sys._getframe(1))


def check_schedule(loop: Any, callback: Any, method: str, any_thread: bool) -> None:
    if not any_thread:
        loop._check_thread()
    loop._check_callback(callback, method)


def run_debug(loop: Any, handle: Any) -> None:
    """Run a handle in debug mode, and tell of one that takes long."""
    try:
        loop._current_handle = handle
        began = loop.time()
        try:
            handle._run()
        finally:
            loop._current_handle = None
        took = loop.time() - began
        if took >= loop.slow_callback_duration:
            base_events.logger.warning(
                "Executing %s took %.3f seconds", base_events._format_handle(handle), took
            )
    finally:
        del handle


def select(loop: Any, timeout: float | None) -> None:
    """Have the program's selector poll, in the middle of a turn."""
    loop._in_poll = True
    try:
        loop._selector.select(timeout)
    finally:
        loop._in_poll = False


def create_task(loop: Any, coro: Any, kwargs: dict[str, Any] | None) -> Any:
    """The running Python's own create_task."""
    task = asyncio.BaseEventLoop.create_task(loop, coro, **(kwargs or {}))
    try:
        trace: Any = getattr(task, "_source_traceback", None)
        if trace:
            # Natively there is no frame between the caller and asyncio's classes.
            here = create_task.__code__.co_filename
            trace[:] = [frame for frame in trace if frame.filename != here]
        return task
    finally:
        del task


# Transports


def wake_waiter(loop: Any, waiter: Any) -> None:
    loop.call_soon(futures._set_result_unless_cancelled, waiter, None)


def transport_failed(
    loop: Any, message: str, exc: BaseException, transport: Any, protocol: Any
) -> None:
    try:
        loop.call_exception_handler(
            {"message": message, "exception": exc, "transport": transport, "protocol": protocol}
        )
    finally:
        del exc, transport, protocol


def log_error(transport: Any, message: str, exc: BaseException) -> None:
    base_events.logger.debug("%r: %s", transport, message, exc_info=exc)


def log_eof(transport: Any) -> None:
    base_events.logger.debug("%r received EOF", transport)


def log_pause(transport: Any) -> None:
    base_events.logger.debug("%r pauses reading", transport)


def log_resume(transport: Any) -> None:
    base_events.logger.debug("%r resumes reading", transport)


def log_slow(loop: Any, transport: Any, seconds: float) -> None:
    if seconds >= loop.slow_callback_duration:
        base_events.logger.warning("Executing %r took %.3f seconds", transport, seconds)


def unclosed(kind: str, text: str, source: object) -> None:
    """Warn of a transport of the native class `kind` that nobody closed.

    `source` was allocated where that was made.
    """
    LEFT[kind](text, source)


def log_lost_write() -> None:
    base_events.logger.warning("socket.send() raised exception.")


def log_closed_by_peer(transport: Any) -> None:
    base_events.logger.info("%r was closed by peer", transport)


def log_lost_pipe_write() -> None:
    base_events.logger.warning("pipe closed by peer or os.write(pipe, data) raised exception.")


def socket_info(sock: socket.socket, extra: dict[str, Any] | None) -> dict[str, Any]:
    """What get_extra_info() answers for a Python socket; also sets TCP_NODELAY."""
    info = dict(extra) if extra else {}
    info["socket"] = trsock.TransportSocket(sock)
    try:
        info["sockname"] = sock.getsockname()
    except OSError:
        info["sockname"] = None
    if "peername" not in info:
        try:
            info["peername"] = sock.getpeername()
        except OSError:
            info["peername"] = None
    base_events._set_nodelay(sock)
    return info


def replaced_extra_info(transport: Any, *args: Any) -> Any:
    """Call what a program has put in the place of asyncio's, found as on an object of its class."""
    found = vars(asyncio.BaseTransport)["get_extra_info"]
    bind = getattr(type(found), "__get__", None)
    return (found if bind is None else bind(found, transport, type(transport)))(*args)


def hold_socket(sock: Any) -> bool:
    """Count the transport among the users of a socket, as files made of it are counted.

    The program may then close() the socket at any time: its descriptor stays open, and its number
    cannot become another file's, until the transport is done with it. Returns whether it is one of
    Python's own sockets.
    """
    if not isinstance(sock, _Socket):
        return False
    cast("Any", sock)._io_refs += 1
    return True


def release_socket(sock: Any) -> None:
    """Undo hold_socket(), and close."""
    if isinstance(sock, _Socket):
        cast("Any", sock)._decref_socketios()
    sock.close()


def make_socket(fd: int) -> socket.socket:
    """The Python socket of a descriptor, which it owns from now on."""
    sock = _Socket(fileno=fd)
    sock.setblocking(False)
    hold_socket(sock)
    return sock


def transport_socket(sock: socket.socket) -> trsock.TransportSocket:
    return trsock.TransportSocket(sock)


def address(fd: int, method: str) -> Any:
    """An address that only the socket module formats; None where there is none."""
    borrowed = _Socket(fileno=fd)
    try:
        return getattr(borrowed, method)()
    except OSError:
        return None
    finally:
        borrowed.detach()


# TLS


def tls_settings(
    sslcontext: Any,
    server_side: bool,
    server_hostname: str | None,
    handshake_timeout: float | None,
    shutdown_timeout: float | None,
) -> tuple[ssl.SSLContext, float, float]:
    """The context and the times, or asyncio's defaults."""
    if handshake_timeout is None:
        handshake_timeout = constants.SSL_HANDSHAKE_TIMEOUT
    elif handshake_timeout <= 0:
        raise ValueError(
            f"ssl_handshake_timeout should be a positive number, got {handshake_timeout}"
        )
    if shutdown_timeout is None:
        shutdown_timeout = constants.SSL_SHUTDOWN_TIMEOUT
    elif shutdown_timeout <= 0:
        raise ValueError(
            f"ssl_shutdown_timeout should be a positive number, got {shutdown_timeout}"
        )
    if not sslcontext:
        sslcontext = sslproto._create_transport_context(server_side, server_hostname)
    return sslcontext, handshake_timeout, shutdown_timeout


_SESSION_METHODS = ("do_handshake", "read", "write", "pending", "unwrap")
_OWN_METHODS = [getattr(ssl.SSLObject, name) for name in _SESSION_METHODS]


def tls_session(
    sslcontext: ssl.SSLContext,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
    server_side: bool,
    server_hostname: str | None,
) -> tuple[ssl.SSLObject, Any, Handshake | None]:
    """A new SSLObject, what is to be called: the object inside it, without its frames, and who is
    to be told of its end."""
    hostname = server_hostname if server_hostname and not server_side else None
    options: dict[str, Any] = {"server_side": server_side, "server_hostname": hostname}
    handshake = None if server_side else begin_handshake(sslcontext, hostname)
    if handshake is not None and (resumed := handshake.session()) is not None:
        options["session"] = resumed
    session = sslcontext.wrap_bio(incoming, outgoing, **options)
    if handshake is not None:
        handshake.begin(session)
    own = [getattr(type(session), name, None) for name in _SESSION_METHODS]
    inner = cast("Any", session)._sslobj if own == _OWN_METHODS else session
    return session, inner, handshake


def tls_ended(handshake: Handshake, session: ssl.SSLObject) -> None:
    """A connection is lost that is to leave its session."""
    handshake.end(session)


def tls_failed(loop: Any, message: str, exc: BaseException, transport: Any, protocol: Any) -> None:
    if not isinstance(exc, asyncio.CancelledError):
        transport_failed(loop, message, exc, transport, protocol)


def log_handshake_start(protocol: Any) -> None:
    base_events.logger.debug("%r starts SSL handshake", protocol)


def log_handshake(loop: Any, protocol: Any, began: float) -> None:
    took = (loop.time() - began) * 1e3
    base_events.logger.debug("%r: SSL handshake took %.1f ms", protocol, took)


def log_kept_open() -> None:
    base_events.logger.warning("returning true from eof_received() has no effect when using ssl")


def log_lost_tls_write() -> None:
    base_events.logger.warning("SSL connection is closed")


def watch_accepted(loop: Any, waiter: Any, protocol: Any, transport: Any) -> None:
    """In debug mode: tell of a handshake that fails, as asyncio's accepting does."""

    def done(waiter: Any) -> None:
        nonlocal protocol, transport
        exc = None if waiter.cancelled() else waiter.exception()
        if exc is not None:
            loop.call_exception_handler(
                {
                    "message": "Error on transport creation for incoming connection",
                    "exception": exc,
                    "protocol": protocol,
                    "transport": transport,
                }
            )
        protocol = transport = None

    waiter.add_done_callback(done)


# Servers


def accept_exhausted(
    loop: Any, sock: socket.socket, exc: BaseException, listener: _aioxide.Listener
) -> None:
    """Out of descriptors or memory: say so, and accept again in a second."""
    try:
        loop.call_exception_handler(
            {
                "message": "socket.accept() out of system resource",
                "exception": exc,
                "socket": trsock.TransportSocket(sock),
            }
        )
    finally:
        del exc
    loop.call_later(constants.ACCEPT_RETRY_DELAY, _accept_again, loop, sock, listener)


def _accept_again(loop: Any, sock: socket.socket, listener: _aioxide.Listener) -> None:
    if sock.fileno() != -1 and listener in loop._listeners.get(sock.fileno(), ()):
        listener.start()


def accept_failed(loop: Any, sock: socket.socket, exc: BaseException) -> None:
    try:
        loop.call_exception_handler(
            {
                "message": "socket.accept() failed",
                "exception": exc,
                "socket": trsock.TransportSocket(sock),
            }
        )
    finally:
        del exc


def serve_failed(loop: Any, exc: BaseException, protocol: Any) -> None:
    context = {
        "message": "Error on transport creation for incoming connection",
        "exception": exc,
    }
    if protocol is not None:
        context["protocol"] = protocol
    try:
        loop.call_exception_handler(context)
    finally:
        del exc, protocol, context


# Tasks


def task_samples() -> Any:
    """Futures and a task whose fields are known, to find where these lie."""
    from aioxide.diagnostics import samples

    return samples.make()


def task_failed(loop: Any, task: Any) -> None:
    """Nobody waits for a task that has failed."""
    from aioxide.diagnostics import lost

    lost.watch(loop, task)


def cancel_note(loop: Any, task: Any) -> str | None:
    """What the CancelledError of a task is to say that is being cancelled right now."""
    from aioxide.diagnostics import cancelled

    return cancelled.note(loop, task)
