"""The interpreter ends while loops run, wait, or were never closed: no crash, hang or abort."""

import textwrap

import pytest

PRELUDE = """
import asyncio, atexit, os, signal, socket, sys, threading, time
import warnings
warnings.simplefilter("ignore", ResourceWarning)

def start(daemon, loop):
    started = threading.Event()
    def run():
        loop.call_soon(started.set)
        loop.run_forever()
        loop.close()
    thread = threading.Thread(target=run, daemon=daemon)
    thread.start()
    started.wait()
    return thread
"""


@pytest.fixture
def ends(child):
    """The program ends with status 0, prints these lines, and reports nothing."""

    def ends(program, *lines):
        done = child(PRELUDE + textwrap.dedent(program))
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == list(lines)
        assert done.stderr == ""

    return ends


def test_idle_loop_in_a_daemon_thread(ends):
    ends("loop = new_event_loop(); start(True, loop); print('end')", "end")


def test_busy_loop_in_a_daemon_thread(ends):
    ends(
        """
        loop = new_event_loop()
        def again():
            loop.call_soon(again)
        loop.call_soon(again)
        start(True, loop)
        print("end")
        """,
        "end",
    )


def test_loop_with_timers_and_descriptors_in_a_daemon_thread(ends):
    ends(
        """
        loop = new_event_loop()
        ours, theirs = socket.socketpair()
        loop.add_reader(ours, lambda: theirs.send(ours.recv(1)) or None)
        loop.add_writer(ours, lambda: None)
        def later():
            loop.call_later(0.0001, later)
        loop.call_soon(later)
        start(True, loop)
        print("end")
        """,
        "end",
    )


def test_connections_of_a_daemon_thread(child):
    """What becomes of the tasks is up to the interpreter's last collection, which may say so."""
    done = child(
        PRELUDE
        + textwrap.dedent("""
        loop = new_event_loop()
        done = threading.Event()

        async def echo(reader, writer):
            while data := await reader.read(100):
                writer.write(data)

        async def main():
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            async def client():
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                while True:
                    writer.write(b"data")
                    await reader.read(100)
                    done.set()
            await asyncio.gather(*(client() for _ in range(5)))

        start(True, loop)
        asyncio.run_coroutine_threadsafe(main(), loop)
        done.wait()
        print("end")
        """)
    )
    assert (done.returncode, done.stdout) == (0, "end\n")
    lines = done.stderr.splitlines()
    assert [line for line in lines if not line.lower().startswith(("task was", "task: "))] == []


def test_thread_that_is_no_daemon_is_waited_for(ends):
    """The interpreter waits; an exit handler of threading may end the loop."""
    ends(
        """
        loop = new_event_loop()
        start(False, loop)
        threading._register_atexit(loop.call_soon_threadsafe, loop.stop)
        print("end")
        """,
        "end",
    )


def test_loop_in_an_exit_handler(ends):
    ends(
        """
        def at_exit():
            loop = new_event_loop()
            print(loop.run_until_complete(asyncio.sleep(0.001, "slept")))
            loop.close()
        atexit.register(at_exit)
        print("end")
        """,
        "end",
        "slept",
    )


def test_exit_handler_that_stops_and_closes(ends):
    ends(
        """
        loop = new_event_loop()
        thread = start(True, loop)
        def at_exit():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            print("closed", loop.is_closed())
        atexit.register(at_exit)
        print("end")
        """,
        "end",
        "closed True",
    )


def test_unclosed_loop_of_the_main_thread(ends):
    ends(
        """
        loop = new_event_loop()
        ours, theirs = socket.socketpair()
        loop.add_reader(ours, print)
        loop.add_signal_handler(signal.SIGUSR1, print)
        loop.call_later(1000, print)
        loop.run_until_complete(asyncio.sleep(0))
        future = loop.create_future()
        print("end")
        """,
        "end",
    )


def test_exit_inside_a_callback(child):
    done = child(
        PRELUDE
        + """
loop = new_event_loop()
loop.call_soon(sys.exit, 3)
loop.run_forever()
"""
    )
    assert (done.returncode, done.stderr) == (3, "")


def test_os_exit_inside_a_callback(child):
    done = child(
        PRELUDE
        + """
loop = new_event_loop()
loop.call_soon(os._exit, 4)
loop.run_forever()
"""
    )
    assert (done.returncode, done.stderr) == (4, "")


def test_callbacks_sent_while_the_interpreter_ends(ends):
    """Threads that send to a loop, each a daemon, do not notice the end."""
    ends(
        """
        loop = new_event_loop()
        start(True, loop)
        def send():
            while True:
                loop.call_soon_threadsafe(int)
        for _ in range(4):
            threading.Thread(target=send, daemon=True).start()
        print("end", flush=True)
        """,
        "end",
    )


def test_objects_that_outlive_their_modules(ends):
    """What only the interpreter's last collection finds."""
    ends(
        """
        class Owner:
            def __init__(self):
                self.loop = new_event_loop()
                self.handle = self.loop.call_soon(self.method)
                self.timer = self.loop.call_later(1000, self.method)
                self.me = self
            def method(self):
                pass
            def __del__(self):
                self.loop.close()
        sys.owner = Owner()
        owners = [Owner() for _ in range(3)]
        print("end")
        """,
        "end",
    )


def test_unclosed_loop_that_outlives_the_modules(ends):
    """Something in C that is never freed holds modules, whose names are taken away at the end."""
    ends(
        """
        import ctypes
        loop = new_event_loop()
        for name in ("__main__", type(loop).__module__):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(sys.modules[name]))
        print("end")
        """,
        "end",
    )


def test_unclosed_loop_that_ends_with_the_modules_of_asyncio(ends):
    """A module that ends forgets its names one by one, `sys` before what it was given later."""
    ends(
        """
        import asyncio.unix_events
        asyncio.unix_events.kept = new_event_loop()
        print("end")
        """,
        "end",
    )
