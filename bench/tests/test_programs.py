"""Each program, on asyncio, in short: they do what they say, and the harness can read them."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from bench.model import LIMIT, Settings
from bench.processes import run_json
from bench.programs import fanout, pipes, subprocesses
from bench.programs.scheduling import PROGRAMS, TIMER_BATCH
from bench.subjects import SUBJECTS


@pytest.mark.parametrize("name", PROGRAMS)
def test_scheduling_program_ends_and_takes_time(name: str) -> None:
    program, unit = PROGRAMS[name]

    async def main() -> None:
        async with asyncio.timeout(20):
            assert await program(unit * 2) > 0

    asyncio.run(main())


@pytest.mark.parametrize("name", pipes.PROGRAMS)
def test_pipe_program_ends_and_takes_time(name: str) -> None:
    program, _ = pipes.PROGRAMS[name]

    async def main() -> None:
        async with asyncio.timeout(20):
            assert await program(70) > 0

    asyncio.run(main())


@pytest.mark.parametrize("name", fanout.PROGRAMS)
def test_fan_out_program_ends_and_takes_time(name: str) -> None:
    program, unit = fanout.PROGRAMS[name]

    async def main() -> None:
        async with asyncio.timeout(20):
            assert await program(unit * 2) > 0

    asyncio.run(main())


def test_fan_out_prints_memory() -> None:
    command = [sys.executable, "-m", "bench.programs.fanout", "asyncio", "amap", "--items", "20000"]
    assert 0 <= run_json(command, 60)["peak"] < 50e6


@pytest.mark.parametrize("name", subprocesses.PROGRAMS)
def test_subprocess_program_ends_and_takes_time(name: str) -> None:
    program = subprocesses.PROGRAMS[name]

    async def main() -> None:
        async with asyncio.timeout(20):
            assert await program(60) > 0

    asyncio.run(main())


def test_timers_of_a_batch_are_due_before_the_last_is_made() -> None:
    """Else `call_later_fire` would measure its own waiting; the fastest loop needs 100 ns each."""
    assert TIMER_BATCH * 100e-9 > 0.001


@pytest.mark.parametrize("io", [[], ["--no-io"]])
def test_scheduling_prints_time_and_cpu_time(io: list[str]) -> None:
    command = [sys.executable, "-m", "bench.programs.scheduling", "asyncio", "sleep_zero", "0.01"]
    found = run_json([*command, *io], 60)
    assert 10 < found["ns"] < 1e6
    assert 10 < found["cpu"] < 1e6


def test_timers_print_what_they_hold() -> None:
    command = [sys.executable, "-m", "bench.programs.timers", "asyncio", "hold", "20000"]
    found = run_json(command, 60)
    assert found["peak"] > 20_000 * 50
    assert found["peak"] >= found["held"] >= 0


def test_idle_connection_costs_memory() -> None:
    subject = SUBJECTS["memory"]
    settings = Settings(seconds=0.1, warmup=0, time_limit=60, quick=True)
    row = next(row for row in subject.rows() if row.parameters.get("kind") == "streams")
    assert subject.measure(row, "asyncio", settings)["connection"] > 0.5


LOADED = [name for name, subject in SUBJECTS.items() if subject.needs_load and not subject.clients]


@pytest.mark.parametrize("name", LOADED)
def test_a_server_is_loaded(name: str) -> None:
    """The options of a subject are those of the server and of the load generator."""
    load = os.environ.get("AIOXIDE_LOAD")
    if load is None:
        pytest.skip("needs AIOXIDE_LOAD, which `./dev test py` sets")
    subject = SUBJECTS[name]
    settings = Settings(seconds=0.1, warmup=0, time_limit=60, quick=True, load=load)
    rows = subject.rows()
    for row in (rows[0], rows[-1]):
        found = subject.measure(row, "asyncio", settings)
        assert set(row.metrics) <= set(found)
        assert all(found[metric] > 0 for metric in row.metrics)


@pytest.mark.parametrize("name", SUBJECTS)
def test_rows_are_distinct_and_their_metrics_and_goals_exist(name: str) -> None:
    subject = SUBJECTS[name]
    rows = subject.rows()
    known = {metric.key for metric in subject.metrics}
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert set(row.metrics) <= known
        for goal in row.goals:
            assert goal.metric in row.metrics
            assert goal.against != LIMIT or subject.has_limit
            assert goal.against not in row.without
