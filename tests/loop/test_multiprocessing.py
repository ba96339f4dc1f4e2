"""Processes from inside a running loop: multiprocessing, pools, and children that fork on."""

import asyncio
import textwrap

import pytest

PRELUDE = """
import asyncio, gc, multiprocessing, os, signal, socket, sys, warnings
from concurrent.futures import ProcessPoolExecutor

# 3.12 and later warn of fork() beside threads.
warnings.simplefilter("ignore", DeprecationWarning)

async def in_child():
    await asyncio.sleep(0.001)
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    with theirs:
        theirs.send(b"line\\n")
        line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line

def work(queue=None):
    assert asyncio._get_running_loop() is None
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        line = runner.run(in_child())
    if queue is not None:
        queue.put(line)
    return line

def square(number):
    return number * number

async def echo(reader, writer):
    while data := await reader.read(100):
        writer.write(data)
        await writer.drain()
    writer.close()

async def talking():
    '''A connection of this loop that goes on meanwhile.'''
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async def talk():
        writer.write(b"data")
        assert await reader.readexactly(4) == b"data"
    async def end():
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
    return talk, end

def run(main):
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
"""


@pytest.fixture
def expect(child):
    def expect(program, *lines):
        done = child(PRELUDE + textwrap.dedent(program), timeout=55)
        assert done.stderr == ""
        assert done.stdout.splitlines() == list(lines)
        assert done.returncode == 0

    return expect


METHODS = ["fork", "spawn", "forkserver"]


@pytest.mark.time_limit(60)
@pytest.mark.parametrize("method", METHODS)
def test_process(expect, method):
    """The child runs a loop of its own while its parent's goes on."""
    expect(
        f"""
        async def main():
            loop = asyncio.get_running_loop()
            talk, end = await talking()
            context = multiprocessing.get_context({method!r})
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            await talk()
            done = loop.create_future()
            loop.add_reader(process.sentinel, lambda: done.done() or done.set_result(None))
            await done
            loop.remove_reader(process.sentinel)
            process.join()
            print(process.exitcode, queue.get())
            process.close()
            queue.close()
            await talk()
            await end()

        if __name__ == "__main__":
            run(main)
        """,
        "0 b'line\\n'",
    )


@pytest.mark.time_limit(60)
@pytest.mark.parametrize("method", METHODS)
def test_pool_of_processes(expect, method):
    expect(
        f"""
        async def main():
            loop = asyncio.get_running_loop()
            talk, end = await talking()
            context = multiprocessing.get_context({method!r})
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                calls = [loop.run_in_executor(pool, square, number) for number in range(20)]
                await talk()
                print(sum(await asyncio.gather(*calls)))
                print(await loop.run_in_executor(pool, work))
            await talk()
            await end()

        if __name__ == "__main__":
            run(main)
        """,
        "2470",
        "b'line\\n'",
    )


def test_child_that_dies_in_a_pool(expect):
    """What waits for it fails, and the loop goes on."""
    expect(
        """
        from concurrent.futures.process import BrokenProcessPool

        async def main():
            loop = asyncio.get_running_loop()
            context = multiprocessing.get_context("fork")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                try:
                    await loop.run_in_executor(pool, os._exit, 1)
                except BrokenProcessPool:
                    print("broken")
            print(await loop.run_in_executor(None, square, 3))

        run(main)
        """,
        "broken",
        "9",
    )


def test_fork_in_a_callback(expect):
    """The child's own loop, and a child of that one, beside the parent's connection."""
    expect(
        """
        def forked(depth):
            sys.stdout.flush()
            pid = os.fork()
            if pid:
                _, status = os.waitpid(pid, 0)
                assert os.waitstatus_to_exitcode(status) == 0
                return
            code = 1
            try:
                assert work() == b"line\\n"
                if depth:
                    forked(depth - 1)
                gc.collect()
                code = 0
            finally:
                os._exit(code)

        async def main():
            loop = asyncio.get_running_loop()
            talk, end = await talking()
            await talk()
            done = loop.create_future()
            loop.call_soon(lambda: (forked(2), done.set_result(None)))
            await done
            for _ in range(3):
                await talk()
            await end()
            print("the parent goes on")

        run(main)
        """,
        "the parent goes on",
    )


@pytest.mark.skipif(
    hasattr(asyncio.StreamWriter, "__del__"),
    reason="it closes the transport, and takes it out of the epoll instance that both share",
)
def test_child_that_uses_the_transport_it_inherited(expect):
    """It closes its copy; the parent's connection is not shut down."""
    expect(
        """
        async def main():
            ours, theirs = socket.socketpair()
            reader, writer = await asyncio.open_connection(sock=ours)
            pid = os.fork()
            if not pid:
                warnings.simplefilter("ignore")
                del reader, writer
                gc.collect()
                os._exit(0)
            os.waitpid(pid, 0)
            theirs.send(b"data")
            print(await reader.readexactly(4))
            writer.write(b"answer")
            print(theirs.recv(10))
            writer.close()
            await writer.wait_closed()
            theirs.close()

        run(main)
        """,
        "b'data'",
        "b'answer'",
    )
