"""nest_asyncio, which runs a loop within itself, as notebooks do: it patches the loop's class."""

import pytest

pytest.importorskip("nest_asyncio2")

START = """
import asyncio
import threading

import nest_asyncio2


async def echo(reader, writer):
    while data := await reader.read(100):
        writer.write(data)
        await writer.drain()
    writer.close()


async def talk(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    data = await reader.readexactly(5)
    writer.close()
    await writer.wait_closed()
    return data


async def sleeper(number):
    await asyncio.sleep(number / 1000)
    return number


def run(main):
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    print(loop.run_until_complete(main()))
    loop.close()
"""


def shown(child, program):
    done = child(START + program)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.split()


def test_nested_in_a_task(child):
    program = """
async def main():
    loop = asyncio.get_running_loop()
    nest_asyncio2.apply(loop)
    task = asyncio.current_task()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    beside = asyncio.ensure_future(sleeper(1))
    seen = []
    loop.call_soon(seen.append, "seen")
    data = loop.run_until_complete(talk(server.sockets[0].getsockname()[1]))
    many = loop.run_until_complete(asyncio.gather(*map(sleeper, range(5))))
    assert asyncio.current_task() is task
    server.close()
    return data.decode(), *seen, await beside, sum(many), asyncio.run(sleeper(2))


run(main)
"""
    assert shown(child, program) == ["('hello',", "'seen',", "1,", "10,", "2)"]


def test_nested_many_times(child):
    program = """
async def main(depth=20):
    await asyncio.sleep(0)
    return 1 + asyncio.run(main(depth - 1)) if depth else 0


loop = new_event_loop()
asyncio.set_event_loop(loop)
nest_asyncio2.apply(loop)
print(asyncio.run(main()))
loop.close()
"""
    assert shown(child, program) == ["20"]


def test_nested_in_a_callback(child):
    program = """
async def main():
    loop = asyncio.get_running_loop()
    nest_asyncio2.apply(loop)
    done = loop.create_future()
    loop.call_soon(lambda: done.set_result(loop.run_until_complete(sleeper(1))))
    return await done


run(main)
"""
    assert shown(child, program) == ["1"]


def test_woken_by_another_thread(child):
    program = """
async def main():
    loop = asyncio.get_running_loop()
    nest_asyncio2.apply(loop)
    future = loop.create_future()
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(future.set_result, 7))
    loop.call_soon(thread.start)
    result = loop.run_until_complete(future)
    thread.join()
    return result, loop.run_until_complete(loop.run_in_executor(None, sum, [1, 2]))


run(main)
"""
    assert shown(child, program) == ["(7,", "3)"]


def test_exceptions_come_out(child):
    program = """
async def fails():
    await asyncio.sleep(0)
    raise KeyError("of the coroutine")


async def main():
    loop = asyncio.get_running_loop()
    nest_asyncio2.apply(loop)
    try:
        loop.run_until_complete(fails())
    except KeyError as error:
        said = error.args[0]
    try:
        loop.run_until_complete(asyncio.wait_for(loop.create_future(), 0.001))
    except asyncio.TimeoutError:
        return said, "timeout"


run(main)
"""
    assert shown(child, program) == ["('of", "the", "coroutine',", "'timeout')"]
