"""anyio: its task groups, its sockets, its threads and its processes."""

import sys

import pytest

anyio = pytest.importorskip("anyio")
abc = pytest.importorskip("anyio.abc")
to_thread = pytest.importorskip("anyio.to_thread")
from_thread = pytest.importorskip("anyio.from_thread")


async def upper(stream):
    async with stream:
        async for data in stream:
            await stream.send(data.upper())


def test_server_and_fifty_clients(run):
    async def main():
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        answers = {}

        async def ask(number):
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(b"client %d" % number)
                answers[number] = await stream.receive()

        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, upper)
            async with anyio.create_task_group() as clients:
                for number in range(50):
                    clients.start_soon(ask, number)
            group.cancel_scope.cancel()
        assert answers == {number: b"CLIENT %d" % number for number in range(50)}

    run(main())


def test_scope_ends_what_is_in_it(run):
    async def main():
        ended = []

        async def wait(number):
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(number)

        with anyio.move_on_after(0.02) as scope:
            async with anyio.create_task_group() as group:
                for number in range(20):
                    group.start_soon(wait, number)
        assert scope.cancelled_caught
        assert sorted(ended) == list(range(20))

    run(main())


def test_threads_and_back(run):
    async def main():
        def work(number):
            return from_thread.run(double, number) + from_thread.run_sync(int, "1")

        async def double(number):
            await anyio.sleep(0)
            return number * 2

        results = [await to_thread.run_sync(work, number) for number in range(50)]
        assert results == [number * 2 + 1 for number in range(50)]

    run(main())


def test_process(run):
    async def main():
        program = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.exit(3)"
        done = await anyio.run_process(
            [sys.executable, "-c", program], input=b"text " * 50_000, check=False
        )
        assert (done.stdout, done.returncode) == (b"TEXT " * 50_000, 3)

    run(main())


def test_datagrams(run):
    async def main():
        async with (
            await anyio.create_udp_socket(local_host="127.0.0.1") as ours,
            await anyio.create_connected_udp_socket(
                "127.0.0.1", ours.extra(anyio.abc.SocketAttribute.local_port)
            ) as theirs,
        ):
            for number in range(100):
                await theirs.send(b"%d" % number)
                data, _ = await ours.receive()
                assert data == b"%d" % number

    run(main())
