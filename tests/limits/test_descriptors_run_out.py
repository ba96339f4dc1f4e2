"""No descriptor is left: asyncio's error, once, nothing leaks, and the loop goes on when there are.

Each case runs in a child, whose limit is lowered to what it has open. `none_left()` is the block in
which there is no descriptor left, `few_left(n)` one with n.
"""

import textwrap

import pytest

PRELUDE = """
import asyncio, contextlib, errno, gc, os, resource, socket, subprocess, sys, threading

def opened():
    return len(os.listdir("/proc/self/fd")) - 1

@contextlib.contextmanager
def few_left(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + count, hard))
    with contextlib.suppress(OSError):
        while True:
            held.append(os.dup(0))
    for number in held[len(held) - count :]:
        os.close(number)
    del held[len(held) - count :]
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in held:
            os.close(number)

def none_left():
    return few_left(0)

@contextlib.contextmanager
def exhausted():
    '''The block raises EMFILE.'''
    try:
        yield
    except OSError as error:
        assert error.errno == errno.EMFILE, error
    else:
        raise AssertionError("it did not fail")

async def turns():
    for _ in range(5):
        await asyncio.sleep(0.001)

reports = []

async def checked():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: reports.append(context["message"]))
    # What is made once is made before.
    await loop.run_in_executor(None, int)
    await loop.getaddrinfo("localhost", 1)
    process = await asyncio.create_subprocess_exec("true", stdin=subprocess.DEVNULL)
    await process.wait()
    await turns()
    gc.collect()
    before = opened()
    await main()
    await turns()
    gc.collect()
    assert opened() == before, (opened(), before)
    print("reports", reports)

class Protocol(asyncio.Protocol):
    def __init__(self):
        self.lost = asyncio.get_running_loop().create_future()
    def connection_lost(self, exc):
        self.lost.set_result(exc)

"""

END = """
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(checked())
"""


@pytest.fixture
def survives(child):
    """The program defines main(), which runs; the lines are what it prints."""

    def survives(program, *lines, reports=()):
        done = child(PRELUDE + textwrap.dedent(program) + END)
        assert done.stderr == ""
        assert done.stdout.splitlines() == [*lines, f"reports {list(reports)}"]
        assert done.returncode == 0

    return survives


@pytest.mark.parametrize(
    "call",
    [
        "loop.create_connection(Protocol, *address)",
        "loop.create_connection(Protocol, 'localhost', address[1], family=socket.AF_INET)",
        "loop.create_connection(Protocol, *address, local_addr=('127.0.0.1', 0))",
        "loop.create_connection(Protocol, *address, happy_eyeballs_delay=0.1)",
        "asyncio.open_connection(*address)",
        "loop.create_unix_connection(Protocol, path)",
        "asyncio.open_unix_connection(path)",
        "loop.create_server(Protocol, '127.0.0.1', 0)",
        "loop.create_unix_server(Protocol, path + '2')",
        "loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=('127.0.0.1', 0))",
        "loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=address)",
        "asyncio.create_subprocess_exec('true')",
        "asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1, stderr=-1)",
        "asyncio.create_subprocess_shell('true', stdout=-1)",
        "loop.sock_accept(waiting)",
    ],
)
@pytest.mark.parametrize("left", [0, 1])
def test_call_fails_and_succeeds_later(survives, tmp_path, call, left):
    """With one descriptor left, what needs two fails half-way."""
    if left and "sock_accept" in call:
        pytest.skip("it needs one")
    survives(
        f"""
        async def main():
            loop = asyncio.get_running_loop()
            path = {str(tmp_path / "socket")!r}
            server = socket.create_server(("127.0.0.1", 0))
            unix = socket.socket(socket.AF_UNIX)
            unix.bind(path)
            unix.listen()
            address = server.getsockname()
            waiting = socket.create_server(("127.0.0.1", 0))
            waiting.setblocking(False)
            client = socket.create_connection(waiting.getsockname())
            made = []
            for count in ({left}, None):
                with few_left(count) if count is not None else contextlib.nullcontext():
                    try:
                        made.append(await {call})
                    except OSError as error:
                        # From 3.14 on a server without a single socket is an error of this text.
                        no_socket = str(error).startswith("could not bind on any address")
                        assert error.errno == errno.EMFILE or no_socket, error
                        assert count is not None
                await turns()
            if {left} == 0 and not isinstance(made[-1], asyncio.Server):
                # A server without a single socket is what asyncio makes of the lack.
                assert len(made) == 1
            for one in made:
                if isinstance(one, asyncio.subprocess.Process):
                    await one.communicate(b"" if one.stdin else None)
                    continue
                if isinstance(one, asyncio.Server):
                    one.close()
                    await one.wait_closed()
                    continue
                first, second = one
                if isinstance(first, asyncio.StreamReader):
                    second.close()
                    with contextlib.suppress(ConnectionError):
                        await second.wait_closed()
                else:
                    first.close()
            await turns()
            client.close()
            for each in (server, unix, waiting):
                each.close()
        """
    )


def test_pipe(survives):
    """The loop needs none for a pipe that it is given."""
    survives(
        """
        async def main():
            loop = asyncio.get_running_loop()
            reader, writer = os.pipe()
            reading = os.fdopen(reader, "rb", 0)
            with none_left():
                stream = asyncio.StreamReader()
                transport, _ = await loop.connect_read_pipe(
                    lambda: asyncio.StreamReaderProtocol(stream), reading
                )
                os.write(writer, b"data")
                print(await stream.readexactly(4))
                transport.close()
                await turns()
            os.close(writer)
        """,
        "b'data'",
    )


def test_accepting(survives):
    """Said once; those who wait are served when there is room again."""
    survives(
        """
        class Echo(asyncio.Protocol):
            def connection_made(self, transport):
                self.transport = transport
            def data_received(self, data):
                self.transport.write(data)

        async def main():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=1)
            clients = [socket.socket() for _ in range(3)]
            for client in clients:
                client.setblocking(False)
            with none_left():
                for client in clients[:1]:
                    client.connect_ex(server.sockets[0].getsockname())
                while not reports:
                    await asyncio.sleep(0)
                await turns()
                # The rest of the loop lives.
                await loop.run_in_executor(None, int)
            await loop.sock_sendall(clients[0], b"x")
            assert await loop.sock_recv(clients[0], 1) == b"x"
            for client in clients[1:]:
                await loop.sock_connect(client, server.sockets[0].getsockname())
                await loop.sock_sendall(client, b"y")
                assert await loop.sock_recv(client, 1) == b"y"
            for client in clients:
                client.close()
            server.close()
            await server.wait_closed()
        """,
        reports=["socket.accept() out of system resource"],
    )


@pytest.mark.parametrize("left", [0, 1])
def test_new_loop(survives, left):
    survives(
        f"""
        async def main():
            if new_event_loop.__module__.startswith("asyncio."):
                # Its loop is half made then, and its destructor fails.
                sys.unraisablehook = lambda args: None
            for _ in range(3):
                with few_left({left}), exhausted():
                    new_event_loop()
                gc.collect()
            loop = new_event_loop()
            loop.close()
        """
    )


def test_first_run_in_the_main_thread(child):
    """A loop may be made, and lack what its first run needs: the run fails, or does without."""
    done = child(
        PRELUDE
        + textwrap.dedent("""
        loop = new_event_loop()
        with none_left():
            try:
                loop.call_soon(loop.stop)
                loop.run_forever()
            except OSError as error:
                assert error.errno == errno.EMFILE
        # A run that failed has left it queued.
        loop.call_soon(loop.stop)
        loop.run_forever()
        print(loop.run_until_complete(asyncio.sleep(0, "works")))
        loop.close()
        """)
    )
    assert (done.stdout, done.stderr) == ("works\n", "")


def test_threads_of_the_executor(survives):
    """They need no descriptor."""
    survives(
        """
        async def main():
            loop = asyncio.get_running_loop()
            with none_left():
                calls = [loop.run_in_executor(None, int) for _ in range(20)]
                print(await asyncio.gather(*calls) == [0] * 20)
                thread = threading.Thread(target=loop.call_soon_threadsafe, args=(list,))
                thread.start()
                thread.join()
        """,
        "True",
    )


def test_signal_handler(survives):
    survives(
        """
        import signal
        async def main():
            loop = asyncio.get_running_loop()
            with none_left():
                seen = loop.create_future()
                loop.add_signal_handler(signal.SIGUSR1, seen.set_result, "seen")
                signal.raise_signal(signal.SIGUSR1)
                print(await seen)
                loop.remove_signal_handler(signal.SIGUSR1)
        """,
        "seen",
    )


def test_watched_descriptors(survives):
    survives(
        """
        async def main():
            loop = asyncio.get_running_loop()
            ours, theirs = socket.socketpair()
            with none_left():
                seen = loop.create_future()
                loop.add_reader(ours, lambda: seen.done() or seen.set_result("readable"))
                theirs.send(b"x")
                print(await seen)
                loop.remove_reader(ours)
            ours.close()
            theirs.close()
        """,
        "readable",
    )
