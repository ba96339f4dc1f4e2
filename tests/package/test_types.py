"""What a type checker sees of the package, from a program in strict mode."""

import ast
import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

import aioxide

pytest.importorskip("mypy")

PROGRAM = """
import aioxide
import aioxide as asyncio

async def main() -> int:
    queue: asyncio.Queue[int] = asyncio.Queue()
    async with asyncio.timeout(1), asyncio.TaskGroup() as group:
        group.create_task(queue.put(1))
    return await queue.get()

reveal_type(asyncio.run(main()))
reveal_type(asyncio.new_event_loop())
reveal_type(asyncio.Runner())
reveal_type(asyncio.EventLoop())
reveal_type(aioxide.__version__)
reveal_type(asyncio.subprocess.PIPE)
reveal_type(asyncio.exceptions.TimeoutError())

async def fetch(number: int) -> str:
    return str(number)

async def fan_out() -> None:
    reveal_type(await aioxide.amap(fetch, [1]))
    reveal_type(await aioxide.amap(fetch, [1], on_error="collect"))
    async for result in aioxide.stream(fetch, [1], limit="auto", rate="1/s", retry=2):
        reveal_type(result.value)
    reveal_type(await asyncio.gather(fetch(1), main(), limit=2))
    reveal_type(await aioxide.threaded(str.upper)("a"))

loop: asyncio.AbstractEventLoop = aioxide.new_event_loop()
asyncio.install()
asyncio.slep(1)
asyncio.run(1)
asyncio.Runner(factory=None)
"""


FAN_OUT = [
    "list[str]",
    "list[aioxide.fanout._result.Result[int, str]]",
    "str | None",
    "tuple[str, int]",
    "str",
]


@pytest.mark.time_limit(120)
def test_program_is_checked(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(path)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=tmp_path,
    )
    assert ended.stderr == ""
    types = re.findall(r'Revealed type is "(.*)"', ended.stdout)
    loop = "aioxide._loop.EventLoop"
    assert [kind.replace("builtins.", "") for kind in types] == [
        "int",
        loop,
        "aioxide._runner.Runner",
        loop,
        "str",
        "int",
        "TimeoutError",
        *FAN_OUT,
    ]
    errors = re.findall(r"program\.py:(\d+): error: .*\[(.*)\]", ended.stdout)
    last = len(PROGRAM.splitlines())
    assert errors == [
        (str(last - 2), "attr-defined"),
        (str(last - 1), "arg-type"),
        (str(last), "call-arg"),
    ]


@pytest.mark.time_limit(120)
def test_native_module_is_what_its_stub_says(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "aioxide._aioxide"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_last_definition_of_a_name_is_ours():
    """mypy holds to the first definition of a name, pyright and the editors that ask it to the
    last."""
    tree = ast.parse(Path(aioxide.__file__).read_text())
    own = {name for name in asyncio.__all__ if getattr(aioxide, name) is not getattr(asyncio, name)}
    assert {"run", "gather", "new_event_loop", "Runner"} <= own
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imports.sort(key=lambda node: node.lineno)
    [star] = [node.lineno for node in imports if node.names[0].name == "*"]
    after = {
        name.name
        for node in imports
        for name in node.names
        if node.lineno > star and node.level == 1
    }
    assert own <= after
