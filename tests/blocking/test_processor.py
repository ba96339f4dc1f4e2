"""A loop whose thread has no processor: its code is not what takes the time."""

import os

import pytest

pytestmark = [
    pytest.mark.time_limit(120),
    pytest.mark.skipif(
        not os.path.exists("/proc/self/schedstat"), reason="this kernel does not count it"
    ),
]

# The loop's thread shares one processor with another process, which has more of it. The thread that
# watches was there before.
RIVAL = """
import contextlib, subprocess

RIVAL = '''
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
print(flush=True)
while True:
    pass
'''

@contextlib.contextmanager
def rival():
    processor = min(os.sched_getaffinity(0))
    command = [sys.executable, "-c", RIVAL, str(processor)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            child.stdout.readline()
            thread = threading.get_native_id()
            os.sched_setaffinity(thread, {processor})
            os.setpriority(os.PRIO_PROCESS, thread, 15)
            yield
        finally:
            child.kill()

def spin(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass  # here
"""

MAIN = """
async def main():
    await asyncio.sleep(0.01)
    with rival():
        began = time.monotonic()
        while not {until} and time.monotonic() - began < GIVEN_UP_AFTER:
            spin(0.015)
            await asyncio.sleep(0)
"""


def test_kind_is_that_it_waits_for_a_processor(run_blocking):
    result = run_blocking(
        RIVAL,
        # The loop's own code has no line, and may be what had no processor.
        MAIN.format(until='any(each["stack"] for each in reports(kind="processor"))'),
        "aioxide.run(main(), diagnostics=diagnostics(limit=0.01))",
    )
    report = next(each for each in result.blocked(kind="processor") if each["stack"])
    assert report["doing"].startswith("waiting for a processor, ")
    assert "not why" in report["hint"]
    # Whatever the program ran just then, its main() ran it.
    assert report["stack"][-1]["function"] == "main"
    assert 0 < report["waited_for_processor"] <= report["blocked_for"]
    free = next(
        event for event in result.events if (event["event"], event["id"]) == ("free", report["id"])
    )
    assert 0 < free["waited_for_processor"] <= free["blocked_for"]


def test_text_says_how_long_it_has_waited(run_blocking):
    result = run_blocking(
        RIVAL,
        MAIN.format(until="'for a processor\\\\n' in open(os.environ['REPORTS']).read()"),
        """
        aioxide.run(main(), diagnostics=aioxide.Diagnostics(blocking=0.01))
        """,
    )
    assert "doing   waiting for a processor, " in result.text
    assert " of which it waited for a processor" in result.text


def test_what_has_a_processor_is_not_said_to_wait_for_one(run_blocking):
    """A call that sleeps neither computes nor waits to."""
    result = run_blocking(
        """
        async def main():
            while until_reported():
                time.sleep(0.2)
            await asyncio.sleep(0)

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    (report,) = result.blocked()
    assert report["kind"] == "sleep"
    assert report["waited_for_processor"] != report["blocked_for"]


def test_action_is_given_all_of_the_wait(run_blocking):
    result = run_blocking(
        RIVAL,
        MAIN.format(until="len(told) > 5"),
        """
        told = []
        aioxide.run(main(), diagnostics=diagnostics(limit=0.01, blocking_action=told.append))
        tell([[each["waited_for_processor"], each["blocked_for"]] for each in told])
        """,
    )
    assert all(0 <= waited <= blocked for waited, blocked in result.told[0])
    # Of most of the time somebody else had the processor.
    assert any(waited > blocked / 2 for waited, blocked in result.told[0])
