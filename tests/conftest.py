"""What every test shares: the loop under test, programs run apart, and the checks after a test.

A test that asks for `loop` or `loop_factory` runs twice, on aioxide and on asyncio. asyncio is the
control: a test that fails there tests the wrong thing.

After every test that passed, these are errors of that test:
- a descriptor or a thread that was not there before it;
- a record of level ERROR in asyncio's log, which is where the default exception handler reports
  (a test that expects some asks for `asyncio_log`, or for `expect_exception_handler`);
- a ResourceWarning or any other warning, and an exception that nobody could receive.
"""

import faulthandler
import gc
import importlib
import inspect
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

FACTORIES = {
    "aioxide": ("aioxide", "new_event_loop"),
    # The class, since aioxide.install() changes what asyncio.new_event_loop() makes.
    "asyncio": ("asyncio", "SelectorEventLoop"),
}
TIME_LIMIT = float(os.environ.get("TEST_TIME_LIMIT", "60"))
# Past the limit, a test that does not even run Python code is ended together with the process.
LAST_RESORT = 20.0
PATIENCE = 10.0

STDERR = pytest.StashKey[int]()
PASSED = pytest.StashKey[bool]()


def pytest_configure(config):
    # First in the list, so that a later, more special filter of the configuration still counts.
    config.getini("filterwarnings").insert(0, "error")
    config.addinivalue_line(
        "markers", "time_limit(seconds): how long the test may take, 60 s where it does not say"
    )
    config.stash[STDERR] = os.dup(2)
    # A busy machine makes any step long. A report opens files, and writes: tests that count
    # descriptors or look at what is written would be disturbed. What tests reports says so.
    os.environ.setdefault("AIOXIDE_BLOCKING", "50")
    # A shell's background job ignores Ctrl-C, and so would every program that is started here.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config):
    os.close(config.stash[STDERR])
    del config.stash[STDERR]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


# The loop under test


@pytest.fixture(params=list(FACTORIES))
def loop_kind(request):
    """The name of the loop under test."""
    return request.param


@pytest.fixture
def loop_factory(loop_kind):
    """Makes a new loop. Whoever calls it closes what it returns."""
    module, name = FACTORIES[loop_kind]
    return getattr(importlib.import_module(module), name)


@pytest.fixture
def loop(loop_factory):
    """A new loop, closed after the test. It is not made the thread's current one."""
    loop = loop_factory()
    yield loop
    loop.close()


@pytest.fixture
def run(loop):
    """Runs a coroutine on the loop under test and returns its result."""
    return loop.run_until_complete


@pytest.fixture
def turn(loop):
    """Lets the loop make one turn: what was ready before runs, and what is due."""

    def turn():
        loop.call_soon(loop.stop)
        loop.run_forever()

    return turn


# What a test expects to go wrong


@pytest.fixture
def expect_exception_handler(loop):
    """The contexts that the loop's exception handler receives, in a list.

    The default handler is replaced, so nothing is logged.
    """
    contexts = []

    def record(handling_loop, context):
        assert handling_loop is loop
        contexts.append(context)

    loop.set_exception_handler(record)
    return contexts


class Records(logging.Handler):
    def __init__(self):
        super().__init__(logging.DEBUG)
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture(autouse=True)
def error_log(request, time_limit):
    """What is logged by asyncio's logger; an ERROR fails a test that does not ask for it."""
    logger = logging.getLogger("asyncio")
    handler = Records()
    logger.addHandler(handler)
    try:
        yield handler.records
    finally:
        logger.removeHandler(handler)
    if request.node.stash.get(PASSED, False) and "asyncio_log" not in request.fixturenames:
        errors = [record for record in handler.records if record.levelno >= logging.ERROR]
        text = "\n".join(logging.Formatter().format(record) for record in errors)
        assert not errors, f"an unexpected error was reported:\n{text}"


@pytest.fixture
def asyncio_log(error_log):
    """The records of asyncio's logger, down to DEBUG, for a test that expects errors there."""
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield error_log
    logger.setLevel(level)


# What a test may leave behind: nothing


def open_descriptors():
    """Without what the thread that watches loops reads: how this process does."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
        if not link.startswith(f"/proc/{os.getpid()}/"):
            found[int(name)] = link
    return found


def native_threads():
    """Without the one that watches the loops of a process, which stays."""
    found = listed_threads()
    # The kernel ends a listing early when a thread ends whose turn it is.
    while (again := listed_threads()) != found:
        found = again
    return found


def listed_threads():
    found = {}
    for thread in os.listdir("/proc/self/task"):
        try:
            name = Path(f"/proc/self/task/{thread}/comm").read_text().strip()
        except OSError:  # it has ended
            continue
        if name != "aioxide-watch":
            found[thread] = name
    return found


def surplus_threads(before, native_before):
    """The threads that are left, after those that are ending were given the time to end."""
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
    left = [repr(thread) for thread in set(threading.enumerate()) - before]
    deadline = time.monotonic() + PATIENCE
    while not left and (surplus := native_threads().keys() - native_before.keys()):
        if time.monotonic() > deadline:
            names = native_threads()
            left = [f"native thread {thread}, {names.get(thread)!r}" for thread in surplus]
        os.sched_yield()
    return left


@pytest.fixture(autouse=True)
def nothing_left_behind(request, error_log):
    """Fails a test that leaves a descriptor or a thread."""
    threads = set(threading.enumerate())
    native = native_threads()
    descriptors = open_descriptors()
    yield
    if not request.node.stash.get(PASSED, False):
        return  # the frames of a failure keep objects alive
    gc.collect()
    left = surplus_threads(threads, native)
    assert not left, f"threads left behind: {left}"
    now = open_descriptors()
    leaked = {fd: target for fd, target in now.items() if descriptors.get(fd) != target}
    assert not leaked, f"descriptors left open: {leaked}"
    lost = {fd: target for fd, target in descriptors.items() if fd not in now}
    assert not lost, f"descriptors of others were closed: {lost}"


@pytest.fixture(autouse=True)
def time_limit(request):
    """Fails a test that takes too long, by SIGALRM; where that does not help, ends the process."""
    marker = request.node.get_closest_marker("time_limit")
    limit = float(marker.args[0]) if marker else TIME_LIMIT

    def on_alarm(signum, frame):
        pytest.fail(f"took longer than {limit:g} s")

    previous = signal.signal(signal.SIGALRM, on_alarm)
    # Again and again: a callback's exception goes to the exception handler and ends nothing.
    signal.setitimer(signal.ITIMER_REAL, limit, LAST_RESORT / 4)
    faulthandler.dump_traceback_later(
        limit + LAST_RESORT, exit=True, file=request.config.stash[STDERR]
    )
    yield
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


# Programs and threads


def wait_idle(native_id):
    """Return when the thread of this process is blocked in the wait for events."""
    waits = {
        "x86_64": ("7", "23", "232", "270", "271", "281", "441"),  # poll, select, epoll_wait ...
        "aarch64": ("22", "72", "73", "441"),
    }[os.uname().machine]
    path = f"/proc/self/task/{native_id}/syscall"
    while True:
        with open(path) as file:
            if file.read().split()[0] in waits:
                return
        os.sched_yield()


@pytest.fixture(name="wait_idle")
def wait_idle_fixture():
    """wait_idle(native_id) returns when that thread is blocked in the wait for events."""
    return wait_idle


@pytest.fixture
def child(loop_kind, tmp_path):
    """Runs a program in an interpreter of its own and returns its subprocess.CompletedProcess.

    In the program, new_event_loop() makes the loop under test and wait_idle() is there.
    """
    module, name = FACTORIES[loop_kind]
    prelude = f"import os\nfrom {module} import {name} as new_event_loop\n"
    prelude += inspect.getsource(wait_idle)

    def run_program(program, *args, flags=(), env=None, timeout=40):
        path = Path(tmp_path, "program.py")
        path.write_text(prelude + textwrap.dedent(program))
        return subprocess.run(
            [sys.executable, "-W", "error", *flags, str(path), *map(str, args)],
            capture_output=True,
            text=True,
            timeout=timeout,
            # What a crowded machine takes long for is not what these programs are about.
            env={**os.environ, "AIOXIDE_BLOCKING": "off", **(env or {})},
            check=False,
        )

    return run_program


@pytest.fixture
def start_thread():
    """Starts a thread that runs a function; joined after the test, its exception raised there."""
    threads = []
    errors = []

    def start(function, *args):
        def call():
            try:
                function(*args)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=call)
        threads.append(thread)
        thread.start()
        return thread

    yield start
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), f"{thread} does not end"
    if errors:
        raise errors[0]
