from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from bench.model import MeasureError, TimeLimitError
from bench.processes import Child, Service, run_json


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_result_is_read() -> None:
    assert run_json(python("print('{\"ns\": 5}')"), 20) == {"ns": 5}


def test_a_crash_after_the_result_keeps_it() -> None:
    code = "import os; print('{\"ns\": 5}', flush=True); os.abort()"
    assert run_json(python(code), 20) == {"ns": 5}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.abort()", "killed by SIGABRT"),
        ("raise ValueError('no such luck')", "exits with 1: ValueError: no such luck"),
        ("", "exits with 0"),
        ("print('hello')", "printed b'hello' instead of its result"),
        ("print('[1]')", "instead of its result"),
    ],
)
def test_no_result_is_an_error_that_says_why(code: str, reason: str) -> None:
    with pytest.raises(MeasureError, match=reason):
        run_json(python(code), 20)


@pytest.mark.parametrize("before", ["", "print('{}', flush=True); "])
def test_a_hang_is_killed_at_its_time_limit(before: str) -> None:
    began = time.monotonic()
    with pytest.raises(TimeLimitError, match="hangs"):
        run_json(python(f"{before}import signal; signal.pause()"), 1)
    assert time.monotonic() - began < 10


def test_leaving_the_block_kills_the_child_and_its_children() -> None:
    code = (
        "import subprocess, sys; "
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']); "
        "print('{\"pid\": %d}' % child.pid, flush=True); child.wait()"
    )
    with Child(python(code), 20) as child:
        grandchild = child.read_json()["pid"]
        os.kill(grandchild, 0)
    assert state_of(grandchild) in ("gone", "Z", "X")


def service(folder: Path, code: str) -> str:
    """A program that stands for the load generator; its first argument is `serve`."""
    path = folder / "load"
    path.write_text(f"#!{sys.executable}\n{code}\n")
    path.chmod(0o755)
    return str(path)


def test_a_service_gives_its_port_and_a_client_its_figures(tmp_path: Path) -> None:
    code = "import signal; print('{\"port\": 7}', flush=True); signal.pause()"
    with Service(service(tmp_path, code), [], 20) as running:
        assert running.port == 7
        assert running.measure(python("print('{\"ns\": 5}')"), 20) == {"ns": 5}
        with pytest.raises(MeasureError, match="^exits with 1: ValueError: mine"):
            running.measure(python("raise ValueError('mine')"), 20)


def test_a_client_fails_by_what_the_server_died_of(tmp_path: Path) -> None:
    code = "import sys; print('{\"port\": 7}', flush=True); sys.exit('out of ports')"
    with (
        Service(service(tmp_path, code), [], 20) as running,
        pytest.raises(MeasureError, match="^server exits with 1: out of ports"),
    ):
        running.measure(python("raise ValueError('refused')"), 20)


def state_of(pid: int) -> str:
    """Waits for a killed process to be gone or a zombie, which takes its new parent a moment."""
    deadline = time.monotonic() + 5
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except FileNotFoundError:
            return "gone"
        if state in "ZX" or time.monotonic() > deadline:
            return state
        os.sched_yield()


def test_debug_settings_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("PYTHONDEVMODE", "1")
    code = "import sys, json; print(json.dumps({'dev': sys.flags.dev_mode}))"
    assert run_json(python(code), 20) == {"dev": False}
