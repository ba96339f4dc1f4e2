"""The clients' programs, in short: they count what came as it should, and refuse what did not."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from bench import clients, loops
from bench.model import LIMIT, Client, MeasureError, Settings
from bench.processes import run_json
from bench.programs import window
from bench.programs.libraries import library
from bench.subjects import SUBJECTS
from bench.subjects.requesting import fetch, figures, program

from . import peer

SETTINGS = Settings(seconds=0.05, warmup=0, time_limit=60, quick=True, load="load")
INSTALLED = ("aiohttp", "httpx")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with peer.running() as address:
        yield address


def measured(name: str, work: str, url: str, **parameters: Any) -> dict[str, Any]:
    asked = {"work": work, "size": 1000, "concurrency": 2, **parameters}
    return run_json(program(Client(name, name, "asyncio"), asked, url, SETTINGS), 60)


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize(
    ("work", "size"), [("get", 1000), ("stream", 1000), ("json", 0), ("upload", 300_000)]
)
def test_work_is_counted(address: str, name: str, work: str, size: int) -> None:
    found = measured(name, work, f"{address}/good", size=size)
    assert found["completed"] > 0
    assert found["seconds"] >= 0.05
    assert 0 < found["cpu_seconds"] < found["seconds"] + 0.05
    assert figures(found)["rate"] > 0


@pytest.mark.parametrize("work", ["get", "stream"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("short", "999 bytes instead of 1000"),
        ("other", "or not how they begin"),
        ("failing", "status 500"),
    ],
)
def test_a_wrong_answer_ends_it(address: str, work: str, path: str, reason: str) -> None:
    with pytest.raises(MeasureError, match=f"WrongAnswerError: .*{reason}"):
        measured("aiohttp", work, f"{address}/{path}")


def test_an_upload_that_did_not_arrive_whole_ends_it() -> None:
    from bench.programs.http_clients import check_received

    good = {"received": 5, "first": 60, "last": 62}
    check_received(good, 5, 5, b"<>")
    for wrong in ({"received": 4}, {"received": 6}, {"first": 0}, {"last": 0}):
        with pytest.raises(library.WrongAnswerError):
            check_received({**good, **wrong}, 5, 5, b"<>")


@pytest.mark.parametrize("work", ["sessions", "connections"])
def test_memory_is_told(address: str, work: str) -> None:
    # This server has no `/together`; any path that ends alike is the same to it.
    assert measured("aiohttp", work, f"{address}/good")["bytes"] >= 0


def test_hosts_are_asked_in_turn() -> None:
    from argparse import Namespace

    from bench.programs.http_clients import hosts

    class Recorder(library.Session):
        async def open(self) -> None: ...
        async def close(self) -> None: ...
        async def stream(self, url: str) -> tuple[bytes, int]: ...
        async def post_json(self, url: str, value: Any) -> Any: ...
        async def upload(self, url: str, body: bytes) -> Any: ...

        async def get(self, url: str) -> Any:
            asked.append(url)
            return peer.ANSWERS["good"][1]

    asked: list[str] = []
    options = Namespace(url="http://127.0.0.1:80/x", hosts=3, size=1000, concurrency=2)
    steps = hosts(Recorder(asyncio, library.Wanted()), options)

    async def main() -> None:
        for step in steps * 2:
            await step()

    asyncio.run(main())
    assert asked == [f"http://127.0.0.{host}:80/x" for host in (1, 2, 3, 1)]


def test_only_the_window_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Loops that have gone round before it begins, and one that makes it wait."""
    gate = asyncio.Event()
    taken = 0

    async def step() -> None:
        nonlocal taken
        taken += 1
        await asyncio.sleep(0)

    async def slow() -> None:
        if not gate.is_set():
            for _ in range(1000):
                await asyncio.sleep(0)
            gate.set()
        await asyncio.sleep(0)

    asyncio.run(window.measure([step, slow], 0.02, 0))
    told = capsys.readouterr().out
    assert '"completed": ' in told
    completed = int(told.partition('"completed": ')[2].partition(",")[0])
    assert completed > 0
    # One of the two alone took 1,000 steps before.
    assert taken > 1000


def test_the_window_waits_for_as_many_steps_as_there_are_loops(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def step() -> None:
        await asyncio.sleep(0.05)

    asyncio.run(window.measure([step] * 3, 0.001, 0))
    completed = int(capsys.readouterr().out.partition('"completed": ')[2].partition(",")[0])
    assert completed >= 3


def test_a_step_that_fails_ends_the_measurement() -> None:
    async def step() -> None:
        raise library.WrongAnswerError("no")

    with pytest.raises(library.WrongAnswerError):
        asyncio.run(window.measure([step], 20, 20))


def test_nothing_completed_is_no_figure() -> None:
    with pytest.raises(MeasureError, match="nothing was completed"):
        figures({"completed": 0, "seconds": 1, "cpu_seconds": 1})


@pytest.mark.parametrize("name", sorted({one.library for one in clients.HTTP.values()}))
def test_every_library_can_do_everything(name: str) -> None:
    """Of those that are not installed here, too: nothing is imported but their file."""
    session = importlib.import_module(f"bench.programs.libraries.{name}").Session
    assert not session.__abstractmethods__


@pytest.mark.parametrize("name", sorted({one.library for one in clients.WEBSOCKET.values()}))
def test_every_library_can_echo(name: str) -> None:
    socket = importlib.import_module(f"bench.programs.libraries.{name}").Socket
    assert not socket.__abstractmethods__


def test_what_is_not_there_says_why() -> None:
    why = clients.why_absent
    assert why(Client("x", "nosuchmodule", "asyncio")) == "not installed"
    assert why(Client("x", "nosuchmodule.http", "asyncio")) == "there is no nosuchmodule.http"
    assert why(Client("x", "asyncio.nosuch", "asyncio")) == "there is no asyncio.nosuch"
    assert why(Client("aiohttp", "aiohttp", "asyncio")) == ""


def test_a_module_that_does_not_import_says_why(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_client.py").write_text("raise RuntimeError('made for another Python')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    why = clients.why_absent(Client("x", "broken_client", "asyncio"))
    assert why == "exits with 1: RuntimeError: made for another Python"


def test_the_new_client_runs_the_text_of_aiohttp() -> None:
    for known in (clients.HTTP, clients.WEBSOCKET):
        assert known[loops.OURS].library == known[clients.AIOHTTP].library == "aiohttp"
        assert known[loops.OURS].module == "aioxide.http"


def test_versions_are_the_librarys_and_the_loops() -> None:
    both = clients.version(Client("aiohttp", "aiohttp", "asyncio"))
    assert both == f"{loops.version('aiohttp')} / {loops.version('asyncio')}"
    assert " / " not in clients.version(clients.HTTP[loops.OURS])


@pytest.mark.parametrize("subject", ["http", "http_tls", "websocket"])
def test_rows_name_columns_that_there_are(subject: str) -> None:
    columns = {*SUBJECTS[subject].clients, LIMIT}
    for row in SUBJECTS[subject].rows():
        assert set(row.without) <= columns
        for goal in row.goals:
            assert set(goal.among) <= columns
            assert goal.against in (*columns, "best peer")


def test_the_limit_is_asked_for_the_same() -> None:
    by_name = {row.name: row.parameters for row in SUBJECTS["http"].rows()}
    get = fetch(by_name["GET 1 kB, 50 at a time"], 80, SETTINGS, is_tls=True)
    assert " ".join(get) == (
        "load fetch --port 80 --target /bytes/1000 --connections 50 --hosts 1 --expect 1000 --tls "
        "--seconds 0.05 --warmup 0"
    )
    post = fetch(by_name["POST 10 MB, 2 at a time"], 80, SETTINGS, is_tls=False)
    assert "--body 10000000" in " ".join(post)
    assert "--expect" not in post


def test_programs_are_started_by_this_python() -> None:
    command = program(
        clients.HTTP[clients.AIOHTTP], {"work": "get", "size": 1, "concurrency": 3}, "u", SETTINGS
    )
    assert command[:3] == [sys.executable, "-m", "bench.programs.http_clients"]
    assert command[3:8] == ["uvloop", "aiohttp", "aiohttp", "get", "u"]
