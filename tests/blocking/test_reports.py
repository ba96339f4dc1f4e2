"""What a report says beside the place: the task, its label, who waits, and how it ended."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.time_limit(120)

ROOT = Path(__file__).resolve().parents[2]
HOG = """
def hog():
    while until_reported():
        time.sleep(0.2)  # here
"""


def test_task_and_label_are_named(run_blocking):
    result = run_blocking(
        HOG,
        """
        async def handle():
            aioxide.label("request 17 \\u00e9\\u4e2d")
            await asyncio.sleep(0)
            hog()

        async def main():
            await asyncio.create_task(handle(), name="GET /orders")

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    report = result.blocked()[0]
    assert report["task"] == {"name": "GET /orders", "coroutine": "handle"}
    assert report["label"] == "request 17 \u00e9\u4e2d"


def test_task_without_a_name_of_its_own_is_named_as_asyncio_does(run_blocking):
    result = run_blocking(
        HOG,
        """
        async def main():
            await asyncio.sleep(0)
            hog()
            tell(asyncio.current_task().get_name())

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    assert result.blocked()[0]["task"]["name"] == result.told[0]


def test_task_that_a_future_wakes_is_named(run_blocking):
    result = run_blocking(
        HOG,
        """
        async def main():
            asyncio.current_task().set_name("woken")
            await asyncio.sleep(0.001)
            hog()

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    assert result.blocked()[0]["task"]["name"] == "woken"


def test_callback_has_no_task(run_blocking):
    result = run_blocking(
        HOG,
        """
        async def main():
            asyncio.get_running_loop().call_soon(hog)
            await asyncio.sleep(0)

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    report = result.blocked()[0]
    assert report["task"] is None
    assert [frame["function"] for frame in report["stack"]] == ["hog"]


def test_documented_fields_are_those_of_a_report(run_blocking):
    result = run_blocking(
        """
        async def main():
            while until_reported():
                time.sleep(0.1)

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    # The order of fields is not said.
    text = (ROOT / "docs" / "diagnostics-blocking.md").read_text()
    [told] = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    events = [json.loads(part) for part in re.split(r"(?<=\n\})\n", told) if part]
    assert [event["event"] for event in events] == ["blocked", "free"]
    for event in events:
        found = next(made for made in result.events if made["event"] == event["event"])
        assert sorted(found) == sorted(event)
        for name in ("delayed", "site", "task"):
            assert sorted(found.get(name, ())) == sorted(event.get(name, ()))


def test_label_ends_with_its_task_or_when_removed(run_blocking):
    result = run_blocking(
        """
        from aioxide import _label

        async def labelled(text):
            aioxide.label(text)
            aioxide.label(text + "!")
            return len(_label._labelled)

        async def main():
            for index in range(3):
                await asyncio.create_task(labelled(str(index)))
            await asyncio.sleep(0)
            tell(len(_label._labelled))
            aioxide.label("mine")
            aioxide.label(None)
            aioxide.label(None)
            tell(len(_label._labelled))
            try:
                aioxide.label(7)
            except TypeError:
                tell("TypeError")
            # Half of a pair, as a name of a file may have.
            aioxide.label("\\udc80")

        aioxide.run(main(), diagnostics=diagnostics())
        try:
            aioxide.label("x")
        except RuntimeError as error:
            tell(str(error))
        """
    )
    no_task = "aioxide.label() labels the work of a task, and no task is running"
    assert result.told == [0, 0, "TypeError", no_task]


def test_tasks_that_wait_meanwhile_are_named(run_blocking):
    result = run_blocking(
        HOG,
        """
        async def other():
            pass

        async def first():
            hog()

        async def main():
            tasks = [asyncio.create_task(first())]
            tasks += [asyncio.create_task(other(), name=f"other {n}") for n in range(8)]
            await asyncio.wait(tasks)

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    delayed = result.blocked()[0]["delayed"]
    assert delayed == {"count": 8, "tasks": [f"other {n}" for n in range(5)]}


def test_turn_of_many_short_steps_is_told_of(run_blocking):
    result = run_blocking(
        """
        import collections
        ran = collections.Counter()

        def short():
            ran["short"] += 1
            until = time.monotonic() + 0.001
            while time.monotonic() < until:
                pass

        async def main():
            loop = asyncio.get_running_loop()
            batch = 100
            while until_reported():
                for _ in range(batch):
                    loop.call_soon(short)
                batch *= 2
                await asyncio.sleep(0)
                await asyncio.sleep(0)

        aioxide.run(main(), diagnostics=diagnostics(limit=0.1))
        """
    )
    report = result.blocked()[0]
    assert report["work"]["unit"] == "turn"
    assert 1 < report["work"]["begun"] <= report["work"]["steps"]
    assert report["task"] is None
    free = next(event for event in result.events if event["event"] == "free")
    assert free["blocked_for"] >= report["blocked_for"] >= 0.1


def test_closing_line_tells_how_long_it_took_and_where(run_blocking):
    result = run_blocking(
        """
        def hog():
            time.sleep(0.5)  # here

        async def main():
            began = time.monotonic()
            hog()
            tell(time.monotonic() - began)

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    blocked, free = result.events
    assert blocked["id"] == free["id"]
    assert free["blocked_for"] >= 0.5
    assert result.told[0] <= free["blocked_for"] + 0.05
    assert sum(sample["count"] for sample in free["samples"]) <= 64
    assert free["samples"][0]["function"] == "hog"
    assert free["samples"][0]["line"] == result.line_of("here")


def test_last_step_of_a_run_is_closed_as_well(run_blocking):
    result = run_blocking(
        HOG,
        """
        loop = aioxide.new_event_loop(diagnostics=diagnostics())
        def last():
            loop.stop()
            hog()
            raise KeyboardInterrupt
        loop.call_soon(last)
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            tell(len(reports("free")))
        loop.close()
        """,
    )
    assert result.told == [1]


def test_program_is_told_on_the_loop_when_it_is_free(run_blocking):
    result = run_blocking(
        """
        seen = []

        def act(report):
            if report["site"]["function"] != "hog":
                return  # a slow machine
            seen.append(report)
            tell([
                threading.current_thread() is threading.main_thread(),
                asyncio.get_running_loop() is loop,
                report["event"], report["kind"], report["site"]["function"],
                report["began"] < before < report["monotonic"] < after,
                after - before <= report["blocked_for"] + 0.05,
            ])
            if len(seen) == 2:
                raise ValueError("of the action")

        def hog():
            global before, after
            before = time.monotonic()
            time.sleep(0.4)
            after = time.monotonic()

        async def main():
            global loop
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: tell(repr(context["exception"])))
            while len(seen) < 3:
                hog()
                await asyncio.sleep(0)

        aioxide.run(main(), diagnostics=diagnostics(blocking_action=act))
        """
    )
    told = [True, True, "blocked", "sleep", "hog", True, True]
    assert [line for line in result.told if isinstance(line, list)] == [told] * 3
    assert [line for line in result.told if isinstance(line, str)] == [
        "ValueError('of the action')"
    ]
    assert (result.events, result.text) == ([], "")


def test_same_place_is_told_of_in_full_once(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        """
import asyncio, time, aioxide

async def main():
    for _ in range(4):
        time.sleep(0.7)
        await asyncio.sleep(0)

aioxide.run(main(), diagnostics=aioxide.Diagnostics(blocking=0.05))
"""
    )
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=True
    )
    lines = done.stderr.splitlines()
    assert sum(line.startswith("  stack") for line in lines) == 1
    first = next(line for line in lines if line.startswith("aioxide: the event loop is blocked"))
    assert "(limit 50 ms)" in first
    assert any("time 3 at" in line for line in lines)
    assert "program.py:6 in main: time.sleep(0.7)" in done.stderr
    assert "sleeping (clock_nanosleep)" in done.stderr


def test_nothing_is_said_where_it_is_switched_off(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        """
import asyncio, time, aioxide

async def main():
    time.sleep(0.5)

aioxide.run(main(), diagnostics=aioxide.Diagnostics(blocking=None))
aioxide.run(main())
"""
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "AIOXIDE_BLOCKING": "off"},
    )
    assert done.stderr == ""


def test_reader_that_reads_nothing_does_not_hold_the_loop(run_blocking, tmp_path):
    """A full pipe at descriptor 2: reports are dropped."""
    result = run_blocking(
        """
        import fcntl
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETFL, os.O_NONBLOCK)
        try:
            while True:
                os.write(writing, bytes(4096))
        except BlockingIOError:
            pass
        fcntl.fcntl(writing, fcntl.F_SETFL, 0)
        stderr = os.dup(2)
        os.dup2(writing, 2)

        async def main():
            for _ in range(2):
                time.sleep(0.3)
                await asyncio.sleep(0)

        aioxide.run(main(), diagnostics=diagnostics())
        os.dup2(stderr, 2)
        tell("done")
        """
    )
    assert result.told == ["done"]


def test_stacks_can_be_asked_of_the_interpreter(run_blocking):
    result = run_blocking(
        HOG,
        """
        async def main():
            hog()

        aioxide.run(main(), diagnostics=diagnostics())
        """,
        env={"AIOXIDE_FRAMES": "gil"},
    )
    report = result.blocked()[0]
    assert [frame["function"] for frame in report["stack"]] == ["hog", "main"]
    assert report["stack"][0]["line"] == result.line_of("here")
    assert (report["kind"], report["call"]) == ("sleep", "clock_nanosleep")
    assert result.text.count("with the help of the interpreter") == 1
    assert "AIOXIDE_FRAMES=gil" in result.text


def test_report_is_one_json_object_a_line(run_blocking):
    result = run_blocking(
        HOG,
        """
        async def main():
            hog()

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    assert [event["event"] for event in result.events] == ["blocked", "free"]
    assert result.text == ""
    assert all(json.dumps(event) for event in result.events)
    report = result.events[0]
    assert report["pid"] > 1
    assert report["thread"] > 1
    assert report["loop"] == 1
    assert report["limit"] == 0.05


def install_driver(folder, *functions):
    """Make a package whose functions block until that is reported."""
    blocks = "".join(
        f"def {name}(until_reported):\n    while until_reported():\n        time.sleep(0.2)\n"
        for name in functions
    )
    packages = folder / "site-packages"
    packages.mkdir()
    (packages / "driver.py").write_text(f"import time\n{blocks}")


def test_place_is_the_line_of_the_program_that_called_a_package(run_blocking, tmp_path):
    """What is told apart are the lines in the package: each is told of in full."""
    install_driver(tmp_path, "fetch", "store")
    result = run_blocking(
        """
        sys.path.insert(0, os.path.abspath("site-packages"))
        import driver

        def use(function):
            began_to_wait.clear()
            function(until_reported)  # here

        async def main():
            for function in (driver.fetch, driver.store):
                use(function)
                await asyncio.sleep(0)

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    reports = [report for report in result.blocked() if report["kind"] == "sleep"]
    assert [report["stack"][0]["function"] for report in reports] == ["fetch", "store"]
    assert [report["count"] for report in reports] == [1, 1]
    for report in reports:
        assert report["site"]["function"] == "use"
        assert report["site"]["line"] == result.line_of("here")


def test_python_code_that_waits_for_a_processor_is_no_call_of_c_code(run_blocking):
    """It stands still meanwhile."""
    result = run_blocking(
        """
        import subprocess

        def work(number):
            first = number + 1
            second = first * 3 % 1001
            third = second ^ first
            fourth = [first, second, third]
            fifth = fourth[0] + fourth[1] - fourth[2]
            return (first, second, third, fifth)[fifth % 4]

        def hog():
            number = 1
            for _ in range(1000):
                for _ in range(200):
                    number = work(number)
                if time.thread_time() > until:
                    break

        async def main():
            global until
            for _ in range(12):
                until = time.thread_time() + 0.04
                hog()
                await asyncio.sleep(0)

        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        rivals = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)
        ]
        try:
            action = lambda report: tell([report["site"]["function"], report["doing"]])
            aioxide.run(main(), diagnostics=diagnostics(limit=0.03, blocking_action=action))
        finally:
            for rival in rivals:
                rival.kill()
                rival.wait()
        """
    )
    doing = [doing for function, doing in result.told if function in ("hog", "work")]
    assert doing
    assert [text for text in doing if "C code" in text] == []


def test_step_that_ends_at_the_limit_is_not_told_of_as_what_comes_after_it(run_blocking):
    """The loop waits then, for events."""
    result = run_blocking(
        """
        def step(length):
            until = time.perf_counter() + length
            while time.perf_counter() < until:
                pass

        async def main():
            for number in range(100):
                step(0.02 + number % 20 * 0.00005)
                await asyncio.sleep(0.01)

        action = lambda report: tell(report["call"] or report["site"]["function"])
        aioxide.run(main(), diagnostics=diagnostics(limit=0.02, blocking_action=action))
        """
    )
    assert [call for call in result.told if call.startswith("epoll_")] == []


def test_place_in_a_package_where_nothing_is_the_programs(run_blocking, tmp_path):
    install_driver(tmp_path, "fetch")
    result = run_blocking(
        """
        sys.path.insert(0, os.path.abspath("site-packages"))
        import driver

        async def main():
            asyncio.get_running_loop().call_soon(driver.fetch, until_reported)
            await asyncio.sleep(0)

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    report = result.blocked()[0]
    assert report["site"]["function"] == "fetch"
    assert report["site"]["file"].endswith("site-packages/driver.py")


def test_debugger_that_has_stopped_the_program_is_not_told_of(run_blocking):
    """What is typed at its prompt may take long."""
    result = run_blocking(
        """
        import io, pdb

        TYPED = "while time.thread_time() < until: pass\\n" * 3 + "continue\\n"

        def hog():
            while until_reported():
                time.sleep(0.2)

        async def main():
            global until
            until = time.thread_time() + 0.3
            pdb.Pdb(stdin=io.StringIO(TYPED), stdout=io.StringIO(), nosigint=True).set_trace()
            await asyncio.sleep(0)
            tell(time.thread_time() >= until)
            hog()

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    assert result.told == [True]
    assert {report["site"]["function"] for report in result.blocked()} == {"hog"}
