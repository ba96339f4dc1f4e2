"""Every block of Python in the documents is run, and does what stands there."""

import asyncio
import contextlib
import http.server
import json
import shlex
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest

import aioxide
from aioxide import http as client

from . import blocks

CODE = {block.place: block.text for block in blocks.of_language("python")}
# What a place is run by: the name of a function below.
RUN = {
    "README 1": "whole_program",
    "README 2": "fan_out",
    "concurrency 1": "forms_of_concurrency",
    "datagrams 1": "datagrams",
    "diagnostics-blocking 1": "label",
    "diagnostics-tasks 1": "run_with_diagnostics",
    "diagnostics-tasks 2": "marker",
    "diagnostics-tasks 3": "no_leaks",
    "fan-out 1": "fan_out",
    "fan-out 2": "failures",
    "fan-out 3": "fan_out",
    "fan-out 4": "threaded",
    "http 1": "whole_program",
    "http 2": "session",
    "http 3": "connector",
    "using 1": "gunicorn_worker",
    "using 2": "factory_of_pytest_asyncio",
    "using 3": "policy_of_pytest_asyncio",
    "using 4": "backend_of_anyio",
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path))
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def do_POST(self):
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def fetch(item):
    await asyncio.sleep(0)
    return f"page of {item}"


def test_every_block_is_run():
    assert list(CODE) == list(RUN)


@pytest.mark.parametrize("place", RUN)
def test_block(place, request, capsys):
    run = globals()[RUN[place]]
    wanted = run.__code__.co_varnames[1 : run.__code__.co_argcount]
    offered = {"capsys": capsys}
    fixtures = {name: offered.get(name) or request.getfixturevalue(name) for name in wanted}
    run(CODE[place], **fixtures)


def whole_program(text, server, capsys):
    assert "127.0.0.1" in text
    assert "8080" in text
    exec(text.replace("8080", str(server.server_port)), {"__name__": "__main__"})
    assert capsys.readouterr().out in ("200 hello\n", "b'HTTP/1.0 200 OK\\r\\n'\n")


def fan_out(text, capsys):
    items = ["one"]
    names = {"aioxide": aioxide, "fetch": fetch, "urls": items, "ids": items}
    left = aioxide.run(blocks.run_inside(text, names))
    assert left["rows"] == ["page of one"]
    if "print" in text:
        assert capsys.readouterr().out == "one page of one\n"


def failures(text, capsys):
    async def failing(item):
        if item == "bad":
            raise OSError("no route")
        return item

    saved = []
    names = {"aioxide": aioxide, "fetch": failing, "urls": ["good", "bad"], "save": saved.append}
    aioxide.run(blocks.run_inside(text, names))
    assert saved == [{0: "good"}]
    assert capsys.readouterr().out == "bad no route\n"


def threaded(text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with contextlib.closing(sqlite3.connect("x.db")) as db:
        db.execute("CREATE TABLE people (name)")
        db.execute("INSERT INTO people VALUES ('ann')")
        db.commit()
    service = SimpleNamespace(get_object=lambda **named: f"{named['Key']} of {named['Bucket']}")
    names = {
        "aioxide": aioxide,
        "boto3": SimpleNamespace(client=lambda name: service),
        "contextlib": contextlib,
        "sqlite3": sqlite3,
    }
    left = aioxide.run(blocks.run_inside(text, names))
    assert left["answer"] == "k of b"
    assert left["row"] == ("ann",)


def forms_of_concurrency(text, server):
    """The pools of processes are of threads here: what a block defines cannot be pickled."""
    names = {
        "ThreadPoolExecutor": ThreadPoolExecutor,
        "ProcessPoolExecutor": ThreadPoolExecutor,
        "ClientSession": client.ClientSession,
        "aioxide": aioxide,
        "asyncio": asyncio,
        "partial": partial,
        "job": str.upper,
        "compute": bytes.upper,
        "items": ["a", "b"],
        "urls": [f"http://127.0.0.1:{server.server_port}/"],
    }
    exec(text, names)
    assert names["results"] == ["A", "B"]
    with ThreadPoolExecutor(1) as names["pool"]:
        assert aioxide.run(names["main"]()) == [b"HELLO"]


def datagrams(text):
    seen = []
    assert text.count("...") == 1
    names = {"asyncio": asyncio}
    exec(text.replace("...", "seen(data)"), names)

    async def main():
        loop = asyncio.get_running_loop()
        three = loop.create_future()

        def see(data):
            seen.append(data)
            if len(seen) % 3 == 0:
                three.set_result(None)

        names["seen"] = see
        transport, _ = await loop.create_datagram_endpoint(
            names["Receiver"], local_addr=("127.0.0.1", 0)
        )
        for data in (b"1", b"2", b"3"):
            transport.sendto(data, transport.get_extra_info("sockname"))
        await three
        transport.close()

    for factory in (aioxide.new_event_loop, asyncio.SelectorEventLoop):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())
    assert seen == [b"1", b"2", b"3"] * 2


def label(text):
    names = {"aioxide": aioxide}
    exec(text, names)
    aioxide.run(names["handle"](SimpleNamespace(id=17)))


def run_with_diagnostics(text):
    seen = []

    async def main():
        seen.append(asyncio.get_running_loop().diagnostics)

    exec(text, {"aioxide": aioxide, "main": main})
    assert seen == [aioxide.Diagnostics(lost_exceptions=1.0, pending=False)]


def marker(text):
    names = {"pytest": pytest}
    exec(f"{text}def test_it(): pass\n", names)
    [mark] = names["test_it"].pytestmark
    assert (mark.name, mark.args) == ("aioxide_allow_leaks", ("poller-*",))


def no_leaks(text):
    async def handle(request):
        names["tasks"] = [
            asyncio.create_task(asyncio.sleep(3600), name=request), asyncio.sleep(0)
        ]  # fmt: skip
        await names["tasks"].pop()

    names = {"aioxide": aioxide, "handle": handle}

    async def main():
        names["request"] = "poller"
        await blocks.run_inside(text, names)
        names["request"] = "other"
        with pytest.raises(aioxide.LeakError, match="'other'"):
            await blocks.run_inside(text, names)

    aioxide.run(main(), diagnostics=aioxide.Diagnostics(pending=False))


def session(text, server):
    names = {
        "http": client,
        "url": f"http://127.0.0.1:{server.server_port}/",
        "order": {"book": 1},
    }
    aioxide.run(blocks.run_inside(text, names))
    assert server.seen == [("GET", "/"), ("POST", "/")]


def connector(text):
    async def main():
        left = await blocks.run_inside(text, {"http": client})
        assert left["connector"].stats()["limited"] == 0
        await left["connector"].close()

    aioxide.run(main())


def gunicorn_worker(text):
    pytest.importorskip("gunicorn")
    pytest.importorskip("uvicorn.workers")
    names = {"__name__": "worker"}
    exec(text, names)
    module, _, name = names["Worker"].CONFIG_KWARGS["loop"].partition(":")
    assert getattr(sys.modules[module], name) is aioxide.new_event_loop


def factory_of_pytest_asyncio(text):
    names = {"aioxide": aioxide}
    exec(text, names)
    assert names["pytest_asyncio_loop_factories"](None, None) == {"aioxide": aioxide.new_event_loop}


def policy_of_pytest_asyncio(text):
    names = {"aioxide": SimpleNamespace(EventLoopPolicy=lambda: "policy"), "pytest": pytest}
    exec(text, names)
    assert names["event_loop_policy"]._get_wrapped_function()() == "policy"


def backend_of_anyio(text):
    names = {"aioxide": aioxide, "pytest": pytest}
    exec(text, names)
    backend, options = names["anyio_backend"]._get_wrapped_function()()
    assert (backend, options) == ("asyncio", {"loop_factory": aioxide.new_event_loop})


def test_kernel_of_jupyter():
    [text] = [block.text for block in blocks.of_language("json") if block.place == "using 1"]
    line = json.loads(text)["argv"]
    assert shlex.join(line[:6]) == "python -m aioxide run -m ipykernel_launcher"
