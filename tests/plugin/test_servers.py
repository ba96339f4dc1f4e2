"""uvicorn, hypercorn, gunicorn and aiohttp's own server, as programs."""

import signal
import socket

import pytest

OURS = "aioxide.EventLoop"
AIOHTTP = """
    import asyncio, aioxide
    from aiohttp import web

    async def loop_class(request):
        loop = type(asyncio.get_running_loop())
        return web.json_response([loop.__module__, loop.__name__])

    app = web.Application()
    app.add_routes([web.get("/", loop_class)])
"""


# uvicorn


def test_uvicorn_loop(serving, loop_of):
    pytest.importorskip("uvicorn")
    with serving(
        *("-m", "uvicorn", "application:app", "--port", "0", "--lifespan", "off"),
        *("--loop", "aioxide:new_event_loop"),
    ) as address:
        assert loop_of(address) == OURS


def test_uvicorn_worker_processes(serving, loop_of):
    pytest.importorskip("uvicorn")
    # With workers it does not tell when it listens: here the socket listens from the start.
    with socket.create_server(("127.0.0.1", 0)) as sock:
        command = ("-m", "uvicorn", "application:app", "--fd", str(sock.fileno()))
        with serving(
            *(*command, "--lifespan", "off", "--loop", "aioxide:new_event_loop", "--workers", "2"),
            says="running on (socket)",
            pass_fds=[sock.fileno()],
        ):
            assert loop_of(f"http://127.0.0.1:{sock.getsockname()[1]}") == OURS


@pytest.mark.parametrize("option", [(), ("--loop", "auto"), ("--loop", "none")])
def test_uvicorn_under_the_command(serving, loop_of, option):
    """Releases before 0.36 have no other names than their own for --loop."""
    pytest.importorskip("uvicorn")
    with serving(
        *("-m", "aioxide", "run", "-m", "uvicorn", "application:app", "--port", "0"),
        *("--lifespan", "off", *option),
    ) as address:
        assert loop_of(address) == OURS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import aioxide; aioxide.install()", ""),
        ("", "import aioxide; aioxide.install()"),
        ("import uvicorn.loops.auto", "import aioxide; aioxide.install()"),
        ("import aioxide; aioxide.install(); aioxide.uninstall()", "aioxide.install()"),
    ],
)
def test_uvicorn_run(write, serving, loop_of, before, after):
    pytest.importorskip("uvicorn")
    run = 'uvicorn.run("application:app", port=0, lifespan="off")'
    write("main.py", f"{before}\nimport uvicorn\n{after}\n{run}\n")
    with serving("main.py") as address:
        assert loop_of(address) == OURS


def test_uvicorn_after_uninstall(execute):
    pytest.importorskip("uvicorn")
    choose = "print(uvicorn.Config(None).get_loop_factory().__module__)"
    shown = execute(
        "-c",
        f"""if True:
            import aioxide, uvicorn
            {choose}
            aioxide.install()
            {choose}
            aioxide.uninstall()
            {choose}""",
    )
    before, ours, after = shown.split()
    assert ours == "aioxide._loop"
    assert before == after != ours


def test_uvicorn_in_a_program(write, serving, loop_of):
    pytest.importorskip("uvicorn")
    write(
        "main.py",
        """
        import aioxide, uvicorn

        server = uvicorn.Server(uvicorn.Config("application:app", port=0, lifespan="off"))
        aioxide.run(server.serve())
        """,
    )
    with serving("main.py") as address:
        assert loop_of(address) == OURS


# hypercorn


def test_hypercorn_under_the_command(serving, loop_of):
    """Its --worker-class knows three names; without worker processes the command reaches it."""
    pytest.importorskip("hypercorn")
    with serving(
        *("-m", "aioxide", "run", "-m", "hypercorn", "--bind", "127.0.0.1:0"),
        *("--workers", "0", "application:app"),
    ) as address:
        assert loop_of(address) == OURS


def test_hypercorn_worker_processes(write, serving, loop_of):
    """They are new interpreters, which import the application before they make a loop."""
    pytest.importorskip("hypercorn")
    write("installing.py", "import aioxide; aioxide.install(); from application import app\n")
    with serving(
        "-m", "hypercorn", "--bind", "127.0.0.1:0", "--workers", "1", "installing:app"
    ) as address:
        assert loop_of(address) == OURS


def test_hypercorn_in_a_program(write, serving, loop_of):
    pytest.importorskip("hypercorn")
    write(
        "main.py",
        """
        import aioxide
        from application import app
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = ["127.0.0.1:0"]
        aioxide.run(serve(app, config))
        """,
    )
    with serving("main.py") as address:
        assert loop_of(address) == OURS


# gunicorn


def test_gunicorn_with_uvicorn_s_worker(write, serving, loop_of):
    pytest.importorskip("gunicorn")
    pytest.importorskip("uvicorn")
    write(
        "worker.py",
        """
        from uvicorn.workers import UvicornWorker

        class Worker(UvicornWorker):
            CONFIG_KWARGS = {"loop": "aioxide:new_event_loop", "lifespan": "off"}
        """,
    )
    with serving(
        *("-m", "gunicorn", "--bind", "127.0.0.1:0", "--worker-class", "worker.Worker"),
        *("--no-control-socket", "application:app"),
    ) as address:
        assert loop_of(address) == OURS


def test_gunicorn_installs_it_for_uvicorn_s_worker(write, serving, loop_of):
    """Its workers are forked, and keep what the configuration has installed."""
    pytest.importorskip("gunicorn")
    pytest.importorskip("uvicorn")
    write("gunicorn.conf.py", "import aioxide\naioxide.install()\n")
    with serving(
        *("-m", "gunicorn", "--bind", "127.0.0.1:0"),
        *("--worker-class", "uvicorn.workers.UvicornWorker"),
        *("--no-control-socket", "application:app"),
    ) as address:
        assert loop_of(address) == OURS


def test_gunicorn_with_aiohttp_s_worker(write, serving, loop_of):
    """Its workers are forked, and keep what the configuration has installed."""
    pytest.importorskip("gunicorn")
    pytest.importorskip("aiohttp")
    write("aiohttp_application.py", AIOHTTP)
    write("gunicorn.conf.py", "import aioxide\naioxide.install()\n")
    with serving(
        *("-m", "gunicorn", "--bind", "127.0.0.1:0"),
        *("--worker-class", "aiohttp.GunicornWebWorker"),
        *("--no-control-socket", "aiohttp_application:app"),
    ) as address:
        assert loop_of(address) == OURS


# aiohttp


@pytest.mark.parametrize(
    "start",
    [
        "web.run_app(app, host='127.0.0.1', port=0, loop=aioxide.new_event_loop(), print=show)",
        "aioxide.install(); web.run_app(app, host='127.0.0.1', port=0, print=show)",
    ],
    ids=["loop", "install"],
)
def test_aiohttp_run_app(write, serving, loop_of, start):
    """run_app() prints the port that it was given, 0; the site knows the one that it got."""
    pytest.importorskip("aiohttp")
    write("aiohttp_application.py", AIOHTTP)
    write(
        "main.py",
        f"""
        from aiohttp_application import aioxide, app, web

        def show(text):
            # Called when the sites are up.
            import gc
            for runner in gc.get_objects():
                if isinstance(runner, web.AppRunner):
                    print("http://127.0.0.1:%d" % runner.addresses[0][1], flush=True)

        {start}
        """,
    )
    with serving("main.py", stop=signal.SIGINT) as address:
        assert loop_of(address) == OURS
