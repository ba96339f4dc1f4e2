"""`async with aioxide.no_leaks()`."""

import asyncio

import pytest

import aioxide
from aioxide import LeakError, no_leaks


async def wait():
    await asyncio.sleep(3600)


async def nothing():
    pass


async def fail():
    raise ValueError("lost")


@pytest.fixture
def run():
    with aioxide.Runner(diagnostics=aioxide.Diagnostics(pending=False, origins=True)) as runner:
        yield runner.run


def test_a_task(run):
    async def main():
        asyncio.create_task(wait(), name="before")
        with pytest.raises(LeakError) as raised:
            async with no_leaks():
                asyncio.create_task(wait(), name="left")
        return raised.value

    error = run(main())
    [leak] = error.leaks
    assert leak.kind == "tasks"
    assert leak.names == ("left", "wait")
    lines = str(error).splitlines()
    assert lines[:2] == ["tasks left:", "  'left'  wait()"]
    assert lines[2].startswith("    waits    ")
    assert lines[2].endswith("in wait    await asyncio.sleep(3600)")
    assert lines[3].endswith('asyncio.create_task(wait(), name="left")')


def test_an_exception_that_nobody_asked_for(run):
    async def main():
        with pytest.raises(LeakError, match=r"'refresh' failed with ValueError\('lost'\)"):
            async with no_leaks():
                task = asyncio.create_task(fail(), name="refresh")
                await asyncio.sleep(0)
        return task

    assert type(run(main()).exception()) is ValueError


def test_a_coroutine(run):
    async def main():
        with pytest.raises(LeakError, match="'nothing' was never started"):
            async with no_leaks():
                stored = nothing()
        stored.close()

    run(main())


def test_a_transport(run):
    async def main():
        with pytest.raises(LeakError, match="transports left:"):
            async with no_leaks():
                server = await asyncio.start_server(lambda *streams: None, "127.0.0.1", 0)
        server.close()
        await server.wait_closed()

    run(main())


def test_what_ends_is_no_leak(run):
    async def main():
        async with no_leaks():
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await reader.read() == b"hello"
            writer.close()
            server.close()
            await server.wait_closed()
            await asyncio.gather(nothing(), fail(), return_exceptions=True)
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()

    async def serve(reader, writer):
        writer.write(b"hello")
        writer.close()
        await writer.wait_closed()

    run(main())


def test_allowed(run):
    async def main():
        async with no_leaks(allow=["left-*"]):
            asyncio.create_task(wait(), name="left-1")
        async with no_leaks(allow="tasks"):
            asyncio.create_task(wait(), name="other")

    run(main())


def test_as_a_warning(run):
    async def main():
        with pytest.warns(RuntimeWarning, match="tasks left:"):
            async with no_leaks(action="warn"):
                asyncio.create_task(wait())

    run(main())


def test_the_blocks_own_exception_goes_on(run):
    async def main():
        with pytest.raises(KeyError):
            async with no_leaks():
                asyncio.create_task(wait())
                raise KeyError

    run(main())


def test_on_another_loop():
    async def main():
        with pytest.raises(LeakError, match="'left'"):
            async with no_leaks():
                asyncio.create_task(wait(), name="left")

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())


def test_wrong_action():
    with pytest.raises(ValueError, match="action must be 'raise' or 'warn', not 'log'"):
        no_leaks(action="log")
