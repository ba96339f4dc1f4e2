"""add_signal_handler and remove_signal_handler, and the wake-up descriptor behind them."""

import contextvars
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

SIGNAL = signal.SIGUSR1


@pytest.fixture(autouse=True)
def restored_signals():
    """A failing test leaves no handler to the next."""
    handlers = {number: signal.getsignal(number) for number in (SIGNAL, signal.SIGUSR2)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(-1)


def test_handler_is_called(loop):
    seen = []

    def handler(*args):
        seen.append((args, threading.current_thread() is threading.main_thread()))
        loop.stop()

    assert loop.add_signal_handler(SIGNAL, handler, 1, "two") is None
    loop.call_soon(signal.raise_signal, SIGNAL)
    loop.run_forever()
    assert seen == [((1, "two"), True)]
    assert loop.remove_signal_handler(SIGNAL) is True


def test_remove(loop):
    assert loop.remove_signal_handler(SIGNAL) is False
    loop.add_signal_handler(SIGNAL, list)
    assert signal.getsignal(SIGNAL) not in (signal.SIG_DFL, signal.SIG_IGN)
    assert loop.remove_signal_handler(SIGNAL) is True
    assert loop.remove_signal_handler(SIGNAL) is False
    assert signal.getsignal(SIGNAL) is signal.SIG_DFL


def test_remove_of_sigint_restores_pythons_handler(loop):
    loop.add_signal_handler(signal.SIGINT, list)
    assert loop.remove_signal_handler(signal.SIGINT) is True
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_replaced_handler(loop):
    loop.add_signal_handler(SIGNAL, pytest.fail)
    loop.add_signal_handler(SIGNAL, loop.stop)
    loop.call_soon(signal.raise_signal, SIGNAL)
    loop.run_forever()
    assert loop.remove_signal_handler(SIGNAL) is True
    assert loop.remove_signal_handler(SIGNAL) is False


def test_several_signals(loop):
    seen = []

    def handler(number):
        seen.append(number)
        if len(seen) == 2:
            loop.stop()

    for number in (SIGNAL, signal.SIGUSR2):
        loop.add_signal_handler(number, handler, number)
    loop.call_soon(signal.raise_signal, SIGNAL)
    loop.call_soon(signal.raise_signal, signal.SIGUSR2)
    loop.run_forever()
    assert sorted(seen) == [SIGNAL, signal.SIGUSR2]
    assert loop.remove_signal_handler(SIGNAL) is True
    loop.call_soon(signal.raise_signal, signal.SIGUSR2)
    loop.call_later(3600, pytest.fail)
    loop.add_signal_handler(signal.SIGUSR2, loop.stop)
    loop.run_forever()
    assert loop.remove_signal_handler(signal.SIGUSR2) is True


def test_handler_wakes_an_idle_loop(loop, start_thread, wait_idle):
    native_id = threading.get_native_id()

    def thread():
        wait_idle(native_id)
        os.kill(os.getpid(), SIGNAL)

    loop.add_signal_handler(SIGNAL, loop.stop)
    start_thread(thread)
    loop.run_forever()
    loop.remove_signal_handler(SIGNAL)


def test_handler_wakes_an_idle_loop_every_time(loop, start_thread, wait_idle):
    native_id = threading.get_native_id()
    rounds = 50
    seen = []
    arrived = threading.Semaphore(0)

    def handler():
        seen.append(1)
        arrived.release()
        if len(seen) == rounds:
            loop.stop()

    def thread():
        for _ in range(rounds):
            wait_idle(native_id)
            os.kill(os.getpid(), SIGNAL)
            arrived.acquire(timeout=20)

    loop.add_signal_handler(SIGNAL, handler)
    start_thread(thread)
    loop.run_forever()
    assert len(seen) == rounds
    loop.remove_signal_handler(SIGNAL)


def test_signal_that_another_thread_receives(loop, start_thread, wait_idle):
    """The kernel may deliver to any thread; the loop is woken all the same."""
    native_id = threading.get_native_id()

    def thread():
        wait_idle(native_id)
        signal.pthread_kill(threading.get_ident(), SIGNAL)

    loop.add_signal_handler(SIGNAL, loop.stop)
    start_thread(thread)
    loop.run_forever()
    loop.remove_signal_handler(SIGNAL)


def test_signal_before_the_run(loop):
    loop.add_signal_handler(SIGNAL, loop.stop)
    signal.raise_signal(SIGNAL)
    loop.run_forever()
    loop.remove_signal_handler(SIGNAL)


def test_storm_inside_a_callback(loop):
    """Each of them is handled: fifty synchronous signals, fifty calls."""
    seen = []

    def storm():
        for _ in range(50):
            signal.raise_signal(SIGNAL)
        signal.raise_signal(signal.SIGUSR2)

    loop.add_signal_handler(SIGNAL, seen.append, 1)
    loop.add_signal_handler(signal.SIGUSR2, loop.stop)
    loop.call_soon(storm)
    loop.run_forever()
    loop.remove_signal_handler(SIGNAL)
    loop.remove_signal_handler(signal.SIGUSR2)
    assert len(seen) == 50


def test_storm_from_another_thread(loop, start_thread):
    """Signals of one number may merge in the kernel; the last one is never lost."""
    seen = []
    handled = threading.Event()

    def handler():
        seen.append(1)
        handled.set()

    def thread():
        for _ in range(100):
            handled.clear()
            for _ in range(20):
                os.kill(os.getpid(), SIGNAL)
            assert handled.wait(20)
        os.kill(os.getpid(), signal.SIGUSR2)

    loop.add_signal_handler(SIGNAL, handler)
    loop.add_signal_handler(signal.SIGUSR2, loop.stop)
    start_thread(thread)
    loop.run_forever()
    loop.remove_signal_handler(SIGNAL)
    loop.remove_signal_handler(signal.SIGUSR2)
    assert 100 <= len(seen) <= 2000


def test_storm_while_the_loop_is_busy(loop, start_thread):
    done = threading.Event()

    def spin():
        if not done.is_set():
            loop.call_soon(spin)

    def thread():
        for _ in range(200):
            os.kill(os.getpid(), SIGNAL)
        done.set()
        os.kill(os.getpid(), signal.SIGUSR2)

    seen = []
    loop.add_signal_handler(SIGNAL, seen.append, 1)
    loop.add_signal_handler(signal.SIGUSR2, loop.stop)
    loop.call_soon(spin)
    start_thread(thread)
    loop.run_forever()
    loop.remove_signal_handler(SIGNAL)
    loop.remove_signal_handler(signal.SIGUSR2)
    assert seen


def test_handler_that_removes_itself(loop):
    seen = []

    def handler():
        seen.append(loop.remove_signal_handler(SIGNAL))
        loop.stop()

    loop.add_signal_handler(SIGNAL, handler)
    loop.call_soon(signal.raise_signal, SIGNAL)
    loop.run_forever()
    assert seen == [True]
    assert signal.getsignal(SIGNAL) is signal.SIG_DFL


def test_handler_that_raises_is_reported(loop, expect_exception_handler):
    def handler():
        loop.stop()
        raise LookupError

    loop.add_signal_handler(SIGNAL, handler)
    loop.call_soon(signal.raise_signal, SIGNAL)
    loop.run_forever()
    loop.remove_signal_handler(SIGNAL)
    [context] = expect_exception_handler
    assert isinstance(context["exception"], LookupError)


def test_handler_that_raises_keyboard_interrupt(loop):
    def handler():
        raise KeyboardInterrupt

    loop.add_signal_handler(SIGNAL, handler)
    loop.call_soon(signal.raise_signal, SIGNAL)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    loop.remove_signal_handler(SIGNAL)


def test_context_is_that_of_add_signal_handler(loop):
    name = contextvars.ContextVar("name", default="default")
    seen = []

    def handler():
        seen.append(name.get())
        loop.stop()

    def add():
        name.set("added")
        loop.add_signal_handler(SIGNAL, handler)

    contextvars.copy_context().run(add)
    loop.call_soon(signal.raise_signal, SIGNAL)
    loop.run_forever()
    loop.remove_signal_handler(SIGNAL)
    assert seen == ["added"]


def test_close_removes_the_handlers(loop):
    loop.add_signal_handler(SIGNAL, list)
    loop.add_signal_handler(signal.SIGINT, list)
    loop.close()
    assert signal.getsignal(SIGNAL) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize("method", ["add_signal_handler", "remove_signal_handler"])
@pytest.mark.parametrize("number", [0, -1, signal.NSIG, signal.NSIG + 1, 10_000])
def test_number_that_is_no_signal(loop, method, number):
    args = [list] if method.startswith("add") else []
    with pytest.raises(ValueError, match=f"^invalid signal number {number}$"):
        getattr(loop, method)(number, *args)


@pytest.mark.parametrize("method", ["add_signal_handler", "remove_signal_handler"])
@pytest.mark.parametrize("number", [None, "SIGINT", 1.0])
def test_signal_of_a_wrong_type(loop, method, number):
    args = [list] if method.startswith("add") else []
    with pytest.raises(TypeError, match="^sig must be an int, not "):
        getattr(loop, method)(number, *args)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_signal_that_cannot_be_caught(loop, number):
    with pytest.raises(RuntimeError, match=f"^sig {int(number)} cannot be caught$"):
        loop.add_signal_handler(number, list)
    assert loop.remove_signal_handler(number) is False
    assert signal.set_wakeup_fd(-1) == -1


async def coroutine_function():
    """Not a handler."""


def test_coroutines_are_no_handlers(loop):
    with pytest.raises(TypeError, match=r"^coroutines cannot be used with add_signal_handler\(\)$"):
        loop.add_signal_handler(SIGNAL, coroutine_function)
    coroutine = coroutine_function()
    with pytest.raises(TypeError, match=r"^coroutines cannot be used with add_signal_handler\(\)$"):
        loop.add_signal_handler(SIGNAL, coroutine)
    coroutine.close()
    assert signal.getsignal(SIGNAL) is signal.SIG_DFL


def test_not_in_the_main_thread(loop_factory, start_thread):
    errors = []

    def thread():
        loop = loop_factory()
        try:
            loop.add_signal_handler(SIGNAL, list)
        except RuntimeError as error:
            errors.append(str(error))
        loop.close()

    start_thread(thread).join()
    assert len(errors) == 1
    assert "main thread" in errors[0]
    assert signal.getsignal(SIGNAL) is signal.SIG_DFL


def test_handler_of_the_end_of_a_child(loop):
    """SIGCHLD is a signal like any other."""
    seen = []

    def handler():
        seen.append(process.poll())
        if seen[-1] is not None:
            loop.stop()

    loop.add_signal_handler(signal.SIGCHLD, handler)
    process = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(7)"])
    loop.run_forever()
    assert seen[-1] == 7
    assert loop.remove_signal_handler(signal.SIGCHLD) is True


# The wake-up descriptor


def test_run_without_handlers_gives_the_wakeup_descriptor_back(loop):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        signal.set_wakeup_fd(ours.fileno())
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert signal.set_wakeup_fd(ours.fileno()) == ours.fileno()

        def leave():
            raise SystemExit

        loop.call_soon(leave)
        with pytest.raises(SystemExit):
            loop.run_forever()
        assert signal.set_wakeup_fd(-1) == ours.fileno()


def test_loops_that_ran_and_closed_leave_no_wakeup_descriptor(loop_factory):
    for _ in range(3):
        loop = loop_factory()
        loop.add_signal_handler(SIGNAL, loop.stop)
        loop.call_soon(signal.raise_signal, SIGNAL)
        loop.run_forever()
        loop.close()
        assert signal.set_wakeup_fd(-1) == -1


def test_last_handler_removed_clears_the_wakeup_descriptor(loop):
    loop.add_signal_handler(SIGNAL, list)
    loop.add_signal_handler(signal.SIGUSR2, list)
    loop.remove_signal_handler(SIGNAL)
    set_by_loop = signal.set_wakeup_fd(-1)
    assert set_by_loop >= 0
    signal.set_wakeup_fd(set_by_loop, warn_on_full_buffer=False)
    loop.remove_signal_handler(signal.SIGUSR2)
    assert signal.set_wakeup_fd(-1) == -1


def test_wakeup_descriptor_of_the_program_is_served_during_a_run(loop):
    """A loop without signal handlers takes nothing away from a program that has its own."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    signal.signal(SIGNAL, lambda number, frame: None)
    with ours, theirs:
        signal.set_wakeup_fd(ours.fileno())
        loop.call_soon(signal.raise_signal, SIGNAL)
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert signal.set_wakeup_fd(-1) == ours.fileno()
        assert theirs.recv(100) == bytes([SIGNAL])


def test_run_in_a_thread_leaves_the_wakeup_descriptor_alone(loop_factory, start_thread):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def thread():
        loop = loop_factory()
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()

    with ours, theirs:
        signal.set_wakeup_fd(ours.fileno())
        start_thread(thread).join()
        assert signal.set_wakeup_fd(-1) == ours.fileno()


# Handlers that Python's signal module calls


def test_plain_handler_runs_while_the_loop_is_idle(loop, start_thread, wait_idle):
    """signal.signal() beside a loop: the handler may wake the loop."""
    native_id = threading.get_native_id()
    signal.signal(SIGNAL, lambda number, frame: loop.call_soon_threadsafe(loop.stop))

    def thread():
        wait_idle(native_id)
        os.kill(os.getpid(), SIGNAL)

    start_thread(thread)
    loop.run_forever()


def test_plain_handler_that_raises_while_the_loop_is_idle(loop, start_thread, wait_idle):
    """Its exception comes out of run_forever(): no callback was running that could be blamed."""

    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    native_id = threading.get_native_id()
    signal.signal(SIGNAL, handler)

    def thread():
        wait_idle(native_id)
        os.kill(os.getpid(), SIGNAL)

    start_thread(thread)
    with pytest.raises(Alarm):
        loop.run_forever()
    assert not loop.is_running()
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_plain_handler_does_not_end_the_wait(loop, start_thread, wait_idle):
    """A signal that does nothing to the loop neither stops it nor fires its timers."""
    native_id = threading.get_native_id()
    handled = threading.Event()
    signal.signal(SIGNAL, lambda number, frame: handled.set())
    handle = loop.call_later(3600, pytest.fail)

    def thread():
        for _ in range(5):
            handled.clear()
            wait_idle(native_id)
            os.kill(os.getpid(), SIGNAL)
            assert handled.wait(20)
        loop.call_soon_threadsafe(loop.stop)

    start_thread(thread)
    loop.run_forever()
    handle.cancel()
