"""Subprocesses: what children are told and tell, and that none of them, nor its code, is lost."""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
import threading

import pytest

from .children import DEVNULL, PIPE, PLAIN, exec_
from .peer import polled

LARGE = bytes(range(256)) * 8192  # 2 MiB

# 3.11's asyncio waits for a child in a thread, which tells the loop a moment after the test.
pytestmark = [pytest.mark.time_limit(60), pytest.mark.usefixtures("no_zombies")]


def python(program, *args, **options):
    return exec_(sys.executable, "-c", program, *args, **options)


# Codes


@pytest.mark.parametrize("code", [0, 1, 7, 255])
async def test_exit_code(loop, code):
    process = await asyncio.create_subprocess_shell(f"exit {code}")
    assert await process.wait() == code
    assert process.returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_killed_by_a_signal(loop, number):
    process = await exec_("sleep", "100")
    assert process.returncode is None
    process.send_signal(number)
    assert await process.wait() == -number


async def test_terminate_and_kill(loop):
    for method in ("terminate", "kill"):
        process = await exec_("sleep", "100")
        getattr(process, method)()
        assert await process.wait() < 0


async def test_many_wait_for_one(loop):
    process = await exec_("sleep", "100")
    waiting = [loop.create_task(process.wait()) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    process.kill()
    assert await asyncio.gather(*waiting[1:]) == [-9] * 4
    assert await process.wait() == -9


@pytest.mark.parametrize("method", ["kill", "terminate"])
async def test_signal_after_the_end(loop, method):
    process = await exec_("true")
    assert await process.wait() == 0
    with contextlib.suppress(ProcessLookupError):  # as in some releases
        getattr(process, method)()
    assert process.returncode == 0


async def test_code_of_a_child_that_its_popen_has_reaped(loop, asyncio_fault):
    asyncio_fault(True, "it reports 255 when Popen was asked first", fixed_later=True)
    protocol = Recording(loop)
    options = {**PLAIN, "stdin": PIPE}
    transport, _ = await loop.subprocess_shell(lambda: protocol, "read x; exit 7", **options)
    popen = transport.get_extra_info("subprocess")
    popen.stdin.write(b"\n")
    while popen.poll() is None:
        os.sched_yield()
    await protocol.lost
    transport.close()
    assert (transport.get_returncode(), popen.returncode) == (7, 7)


async def test_code_of_a_child_that_somebody_else_has_reaped(loop, asyncio_log):
    gate_out, gate_in = os.pipe()
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", "read x; exit 7", stdin=gate_out, stdout=DEVNULL
    )
    os.close(gate_out)
    os.close(gate_in)
    with contextlib.suppress(ChildProcessError):  # asyncio's thread was faster
        os.waitpid(process.pid, 0)
    code = await process.wait()
    assert code in (255, 7)
    warned = [r for r in asyncio_log if "will report returncode 255" in r.getMessage()]
    assert len(warned) == (code == 255)
    assert code == 255 or not hasattr(os, "pidfd_open") or sys.version_info < (3, 12)


async def test_children_are_ignored(loop, loop_kind, asyncio_log):
    """With SIGCHLD ignored the kernel reaps them and keeps no code."""
    if loop_kind == "asyncio":
        pytest.skip("it raises when the child has ended before it is watched")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        process = await exec_("sh", "-c", "exit 7")
        assert await process.wait() in (255, 0)
    finally:
        signal.signal(signal.SIGCHLD, before)


# Data


async def test_communicate_with_large_data(loop):
    process = await exec_("cat", stdin=PIPE, stdout=PIPE)
    out, err = await process.communicate(LARGE)
    assert out == LARGE
    assert err is None
    assert process.returncode == 0


async def test_output_and_errors(loop):
    program = "import os; os.write(2, b'e' * 300_000); os.write(1, b'o' * 300_000)"
    process = await python(program, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert out == b"o" * 300_000
    assert err == b"e" * 300_000
    process = await python(program, stdout=PIPE, stderr=subprocess.STDOUT)
    out, err = await process.communicate()
    assert out == b"e" * 300_000 + b"o" * 300_000
    assert err is None


async def test_child_closes_its_input(loop):
    process = await python("import os; os.close(0); print(1, flush=True); input", stdin=PIPE)
    try:
        while True:
            process.stdin.write(LARGE)
            await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass
    await process.communicate(LARGE)
    assert process.returncode == 0
    with contextlib.suppress(BrokenPipeError):
        await process.stdin.wait_closed()


async def test_lines(loop):
    process = await exec_("cat", stdin=PIPE, stdout=PIPE)
    for number in range(100):
        process.stdin.write(b"%d\n" % number)
        assert await process.stdout.readline() == b"%d\n" % number
    process.stdin.close()
    assert await process.stdout.read() == b""
    assert await process.wait() == 0
    await process.stdin.wait_closed()


async def test_options_of_popen(loop, tmp_path):
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        "pwd; echo $WORD; echo $0; umask; ps -o pgid= -p $$ >/dev/null; echo fd >&$1",
        str(writing),
        executable="/bin/sh",
        cwd=tmp_path,
        env={"WORD": "word", "PATH": os.environ["PATH"]},
        pass_fds=[writing],
        start_new_session=True,
        umask=0o077,
        stdout=PIPE,
    )
    os.close(writing)
    out, _ = await process.communicate()
    assert out.decode().split()[:2] == [str(tmp_path), "word"]
    assert out.decode().split()[3] == "0077"
    os.close(reading)


@pytest.mark.parametrize(
    "options",
    [
        {"universal_newlines": True},
        {"bufsize": 5},
        {"text": True},
        {"encoding": "ascii"},
        {"errors": "strict"},
        {"shell": True},
    ],
    ids=str,
)
async def test_options_that_are_refused(loop, options):
    with pytest.raises(ValueError, match="must be"):
        await exec_("true", **options)


class Recording(asyncio.SubprocessProtocol):
    def __init__(self, loop):
        self.calls = []
        self.exited = loop.create_future()
        self.lost = loop.create_future()

    def connection_made(self, transport):
        self.calls.append("connection_made")

    def pipe_data_received(self, fd, data):
        self.calls.append((fd, data))

    def pipe_connection_lost(self, fd, exc):
        self.calls.append((fd, exc))

    def process_exited(self):
        self.exited.set_result(None)

    def connection_lost(self, exc):
        self.lost.set_result(exc)


async def test_protocol(loop):
    protocol = Recording(loop)
    transport, made = await loop.subprocess_exec(
        lambda: protocol, "sh", "-c", "read x; echo $x", stderr=None
    )
    assert made is protocol
    assert isinstance(transport, asyncio.SubprocessTransport)
    assert transport.get_pid() == transport.get_extra_info("subprocess").pid
    assert transport.get_pipe_transport(2) is None
    stdin = transport.get_pipe_transport(0)
    assert isinstance(stdin, asyncio.WriteTransport)
    assert isinstance(transport.get_pipe_transport(1), asyncio.ReadTransport)
    stdin.write(b"word\n")
    assert await protocol.lost is None
    await protocol.exited
    assert protocol.calls[0] == "connection_made"
    assert sorted(protocol.calls[1:], key=str) == [(0, None), (1, None), (1, b"word\n")]
    assert transport.get_returncode() == 0
    transport.close()


# Children that fork on


async def test_grandchild_keeps_the_pipe_open(loop):
    process = await exec_("sh", "-c", "sleep 100 & echo $!", stdout=PIPE)
    grandchild = int(await process.stdout.readline())
    transport = process._transport
    while transport.get_returncode() is None:
        await polled()
    assert transport.get_returncode() == 0
    os.kill(grandchild, signal.SIGKILL)
    assert await process.stdout.read() == b""
    assert await process.wait() == 0


# Many


async def test_five_hundred_at_once(loop):
    async def one(code):
        process = await exec_("sh", "-c", f"exit {code}")
        return await process.wait()

    codes = [number % 100 for number in range(500)]
    assert await asyncio.gather(*[one(code) for code in codes]) == codes


async def test_hundred_living_together(loop):
    processes = [await exec_("cat", stdin=PIPE, stdout=PIPE) for _ in range(100)]
    for process in processes:
        process.stdin.write(b"x")
    for process in processes:
        assert await process.stdout.readexactly(1) == b"x"
    for process in processes:
        process.stdin.close()
    assert {await process.wait() for process in processes} == {0}


# Starting that fails


@pytest.mark.parametrize("stdio", [DEVNULL, PIPE])
@pytest.mark.parametrize(
    ("args", "options", "error"),
    [
        (["/no/such/program"], {}, FileNotFoundError),
        (["/"], {}, PermissionError),
        (["true"], {"cwd": "/no/such/directory"}, FileNotFoundError),
        (["a\0b"], {}, ValueError),
        ([5], {}, TypeError),
    ],
    ids=repr,
)
async def test_no_such_program(loop, open_descriptors, stdio, args, options, error):
    before = open_descriptors()
    with pytest.raises(error):
        await exec_(*args, stdin=stdio, stdout=stdio, stderr=stdio, **options)
    assert open_descriptors() == before


@pytest.fixture
def few_descriptors():
    """Leaves so many descriptors: `few_descriptors(3)`."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []

    def leave(count):
        limit = max(map(int, os.listdir("/proc/self/fd"))) + 20
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        for _ in range(count):
            os.close(held.pop())

    def give_back():
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        while held:
            os.close(held.pop())

    leave.give_back = give_back
    yield leave
    give_back()


@pytest.mark.parametrize("count", range(12))
async def test_out_of_descriptors(loop, few_descriptors, count):
    """Where it fails, nothing is left; where it does not, the child is reaped."""
    if sys.version_info < (3, 12) and 2 <= count <= 5:
        pytest.skip("Popen loses the pipes that it has made by then")
    process, failure = None, None
    few_descriptors(count)
    try:
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    except OSError as error:
        failure = error.errno
    finally:
        few_descriptors.give_back()
    if process is not None:
        assert await process.communicate(b"x") == (b"x", b"")
        assert process.returncode == 0
    assert failure in (None, errno.EMFILE)
    assert (failure is None) == (count >= 8)


async def test_pipe_that_cannot_be_watched(loop, loop_kind, monkeypatch, open_descriptors):
    if loop_kind == "asyncio" and sys.version_info < (3, 14):
        pytest.skip("older releases leave the pipes open, and may wait for ever")
    before = open_descriptors()

    async def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(loop, "connect_read_pipe", fail)
    with pytest.raises(ZeroDivisionError):
        await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    await polled()
    assert open_descriptors() == before
    monkeypatch.undo()


# Cancellation


@pytest.mark.parametrize("turns", range(8))
async def test_starting_is_cancelled(loop, loop_kind, open_descriptors, turns):
    if loop_kind == "asyncio":
        pytest.skip("it leaves pipes to the garbage collector in some turns")
    before = open_descriptors()
    task = loop.create_task(asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    try:
        process = await task
    except asyncio.CancelledError:
        pass
    else:
        process.stdin.close()
        assert await process.wait() == 0
    await polled(4)
    assert open_descriptors() == before


async def test_communicate_is_cancelled(loop):
    process = await exec_("cat", stdin=PIPE, stdout=PIPE)
    task = loop.create_task(process.communicate(LARGE))
    await polled()
    process.stdout._transport.pause_reading()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    process.kill()
    process.stdout._transport.resume_reading()
    await process.stdout.read()
    assert await process.wait() == -9
    with contextlib.suppress(BrokenPipeError):
        await process.stdin.wait_closed()
    await polled()


async def test_wait_is_cancelled(loop):
    process = await exec_("sleep", "100")
    task = loop.create_task(process.wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    process.kill()
    assert await process.wait() == -9


# The end of everything


async def test_transport_is_closed_while_the_child_runs(loop):
    protocol = Recording(loop)
    transport, _ = await loop.subprocess_exec(lambda: protocol, "sleep", "100")
    transport.close()
    transport.close()
    assert transport.is_closing()
    await protocol.exited
    assert transport.get_returncode() == -9
    await protocol.lost


def test_loop_is_closed_while_a_child_runs(loop_factory, loop_kind):
    if loop_kind == "asyncio":
        pytest.skip("it leaves the pidfd open")
    loop = loop_factory()
    protocol = Recording(loop)
    transport, _ = loop.run_until_complete(loop.subprocess_exec(lambda: protocol, "sleep", "100"))
    popen = transport.get_extra_info("subprocess")
    loop.close()
    transport.close()
    assert popen.wait() == -9


@pytest.mark.parametrize("where", ["main", "thread"])
def test_any_thread(loop_factory, start_thread, where):
    """Without a signal handler and without a thread for each child."""

    def run():
        async def main():
            process = await exec_("cat", stdin=PIPE, stdout=PIPE)
            return await process.communicate(b"x")

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            results.append(runner.run(main()))

    results = []
    before = signal.getsignal(signal.SIGCHLD)
    if where == "main":
        run()
    else:
        start_thread(run).join()
    assert results == [(b"x", None)]
    assert signal.getsignal(signal.SIGCHLD) is before


async def test_children_need_no_thread(loop, loop_kind):
    if loop_kind == "asyncio":
        pytest.skip("it has a thread for each child up to 3.11")
    before = threading.active_count()
    process = await exec_("sleep", "100")
    assert threading.active_count() == before
    process.kill()
    await process.wait()


async def test_without_pidfds(loop, loop_kind, monkeypatch):
    """A sandbox may refuse them: then a thread waits."""
    if loop_kind == "asyncio":
        pytest.skip("it decides when it is imported, or when the loop is made")

    def refuse(*args):
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", refuse)

    async def one(code):
        process = await exec_("sh", "-c", f"exit {code}")
        return await process.wait()

    assert await asyncio.gather(*[one(code) for code in range(20)]) == list(range(20))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="deprecated, and gone from 3.14 on")
@pytest.mark.parametrize("name", ["SafeChildWatcher", "FastChildWatcher"])
def test_child_watcher_of_the_program(loop_factory, name):
    calls = []

    class Watcher(getattr(asyncio, name)):
        def add_child_handler(self, pid, callback, *args):
            calls.append(pid)
            super().add_child_handler(pid, callback, *args)

    async def main():
        process = await exec_("sh", "-c", "exit 7")
        assert calls == [process.pid]
        return await process.wait()

    watcher = Watcher()
    loop = loop_factory()
    asyncio.set_child_watcher(watcher)
    watcher.attach_loop(loop)
    try:
        assert loop.run_until_complete(main()) == 7
    finally:
        asyncio.set_child_watcher(None)
        loop.close()
