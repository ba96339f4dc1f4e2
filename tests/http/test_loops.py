"""Which loops the client runs on, and the ways to start a program that uses it."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading

import pytest

import aioxide
from aioxide import http

from ..net.peer import polled

SERVER = """
async def answer(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\\r\\n\\r\\n")
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
        pass  # some releases of 3.12 log a handler that ends by being cancelled
    finally:
        writer.close()


async def ask(client):
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with client.ClientSession() as session:
        for _ in range(2):
            async with session.get(url) as response:
                assert await response.read() == b"ok"
    server.close()
    return type(session).__module__
"""
names = {"asyncio": asyncio}
exec(SERVER, names)
ask = names["ask"]


@pytest.mark.parametrize("make", ["ClientSession", "TCPConnector", "UnixConnector"])
def test_loop_of_asyncio_is_refused_by_name(make):
    async def main():
        options = {"path": "/x"} if make == "UnixConnector" else {}
        getattr(http, make)(**options)

    async def request():
        async with http.request("GET", "http://127.0.0.1/"):
            pass

    for function in (main, request):
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            with pytest.raises(
                RuntimeError, match="aioxide.http needs aioxide's event loop"
            ) as caught:
                runner.run(function())
        assert "asyncio.unix_events" in str(caught.value)
        assert "aioxide.run" in str(caught.value)


@pytest.mark.parametrize("make", ["ClientSession", "TCPConnector"])
def test_outside_a_loop_it_is_refused(make):
    with pytest.raises(RuntimeError, match="no running event loop"):
        getattr(http, make)()


def test_run():
    assert aioxide.run(ask(http)) == "aioxide.http._session"


@pytest.mark.parametrize("debug", [False, True])
def test_runner(debug):
    with aioxide.Runner(debug=debug) as runner:
        for _ in range(2):
            runner.run(ask(http))
    with asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner:
        runner.run(ask(http))


def test_one_loop_after_another():
    for _ in range(3):
        aioxide.run(ask(http))


def test_loops_in_threads_beside_each_other(start_thread):
    for _ in range(4):
        start_thread(aioxide.run, ask(http))


def test_loops_in_threads_one_after_another(start_thread):
    for _ in range(3):
        thread = start_thread(aioxide.run, ask(http))
        thread.join()


def test_session_of_another_loop_is_refused():
    async def make():
        return http.TCPConnector()

    async def close(connector):
        await connector.close()

    with aioxide.Runner() as first, aioxide.Runner() as second:
        connector = first.run(make())
        with pytest.raises(RuntimeError, match="loop"):
            second.run(use_on(connector, second.get_loop()))
        first.run(close(connector))


async def use_on(connector, loop):
    http.ClientSession(connector=connector, loop=loop)


@pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="there asyncio's streams raise the cancellation of a connection's handler",
)
def test_session_that_outlives_its_loop_is_closed_without_noise(child):
    result = child(
        "import asyncio, aioxide\nfrom aioxide import http\n"
        + SERVER
        + """
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    session = http.ClientSession()
    async with session.get(url) as response:
        await response.read()
    server.close()
    return session

session = aioxide.run(main())
aioxide.run(session.close())
assert session.closed
print("done")
"""
    )
    assert "done" in result.stdout, result.stderr
    assert "Traceback" not in result.stderr


def program(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text("import asyncio\n" + SERVER + textwrap.dedent(text))
    return path


MAIN = """
import aiohttp

print(asyncio.run(ask(aiohttp)))
"""


def test_install_gives_aiohttps_programs_the_client(child):
    result = child(
        "import asyncio, aioxide\naioxide.install(http=True)\n"
        + SERVER
        + MAIN
        + """
from aiohttp import ClientSession, ClientError, web
from aioxide import http
assert ClientSession is http.ClientSession
assert issubclass(http.ClientConnectorError, ClientError)
before = http.ClientSession
aioxide.install(http=True)
aioxide.uninstall()
assert aiohttp.ClientSession is not before
assert aiohttp.client.ClientSession is aiohttp.ClientSession
assert aiohttp.connector.TCPConnector is aiohttp.TCPConnector is not http.TCPConnector
print(asyncio.run(ask(aiohttp)))
aioxide.install()
assert aiohttp.ClientSession is not before
aioxide.uninstall()
"""
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["aioxide.http._session", "aiohttp.client"]


def run_cli(tmp_path, *arguments, env=None):
    return subprocess.run(
        [sys.executable, "-m", "aioxide", "run", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        cwd=tmp_path,
        env={**os.environ, **(env or {})},
    )


def test_command_line(tmp_path):
    path = program(tmp_path, MAIN)
    result = run_cli(tmp_path, "--http", path)
    assert (result.stdout.strip(), result.returncode) == ("aioxide.http._session", 0), result.stderr
    result = run_cli(tmp_path, path)
    assert (result.stdout.strip(), result.returncode) == ("aiohttp.client", 0), result.stderr


def test_command_line_without_aiohttp(tmp_path):
    """It says what is missing and what to do, without a traceback."""
    (tmp_path / "aiohttp").mkdir()
    (tmp_path / "aiohttp" / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'aiohttp'\", name='aiohttp')"
    )
    path = program(tmp_path, "print('it ran')")
    search = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = run_cli(tmp_path, "--http", path, env={"PYTHONPATH": search})
    assert result.returncode != 0
    assert "aiohttp" in result.stderr
    assert "--http" in result.stderr
    assert "Traceback" not in result.stderr
    assert "it ran" not in result.stdout
    result = run_cli(tmp_path, path, env={"PYTHONPATH": search})
    assert result.stdout.strip() == "it ran", result.stderr


async def test_it_is_all_on_one_thread(loop):
    threads = threading.active_count()
    await ask(http)
    await polled(1)
    assert threading.active_count() == threads
