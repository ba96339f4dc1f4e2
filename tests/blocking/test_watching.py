"""The watching thread: when it is there, when it dozes, and what a fork leaves of it."""

import os

import pytest

#: From 5.9 on a thread can leave the process's descriptors and still fetch one.
CAN_LEAVE = tuple(map(int, os.uname().release.split(".")[:2])) >= (5, 9)

pytestmark = pytest.mark.time_limit(120)

HELPERS = """
def watching():
    '''The number of the watching thread, if there is one.'''
    for tid in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{tid}/comm") as file:
            if file.read().strip() == "aioxide-watch":
                return int(tid)

def started():
    '''Its number, once it has its name.'''
    while (tid := watching()) is None:
        time.sleep(0.001)
    return tid

def dozes(tid):
    '''Whether that thread waits without a time limit.'''
    with open(f"/proc/self/task/{tid}/syscall") as file:
        words = file.read().split()
    # futex(address, operation, value, timeout)
    return words[0] in ("202", "98") and words[4] == "0x0"

def descriptors(tid):
    '''The numbers of those that a thread has.'''
    return {int(number) for number in os.listdir(f"/proc/self/task/{tid}/fd")}

async def alone(tid):
    '''Waits until a thread has one descriptor: the process, of which it fetches others.'''
    while len(descriptors(tid)) != 1:
        await asyncio.sleep(0)

def hog():
    while until_reported(pid=os.getpid()):
        time.sleep(0.05)
"""


def test_thread_starts_with_the_first_run_that_is_watched(run_blocking):
    result = run_blocking(
        HELPERS,
        """
        async def main():
            tell(watching() is None)

        async def watched():
            tell(started() > 0)

        tell(watching() is None)
        aioxide.run(main(), diagnostics=aioxide.Diagnostics.off())
        aioxide.run(watched(), diagnostics=diagnostics())
        """,
    )
    assert result.told == [True, True, True]


def test_thread_dozes_while_loops_idle_and_wakes_with_them(run_blocking):
    result = run_blocking(
        HELPERS,
        """
        async def main():
            loop = asyncio.get_running_loop()
            wake = asyncio.Event()

            def wait_until_it_dozes():
                while not dozes(tid):
                    time.sleep(0.001)
                tell("dozes")
                loop.call_soon_threadsafe(wake.set)

            tid = started()
            thread = threading.Thread(target=wait_until_it_dozes)
            thread.start()
            await wake.wait()
            thread.join()
            hog()
            tell(len(reports()))

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    assert result.told == ["dozes", 1]


def test_loops_in_several_threads_are_watched(run_blocking):
    result = run_blocking(
        """
        # On a line of its own each: a place is not told of twice in a second.
        HOG = "def hog():\\n  while len(reports()) < 3: time.sleep(0.05)"

        def run(number):
            scope = dict(globals())
            exec("\\n" * number + HOG, scope)

            async def main():
                asyncio.current_task().set_name(f"loop {number}")
                await asyncio.sleep(0.01)
                scope["hog"]()

            aioxide.run(main(), diagnostics=diagnostics())

        threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """
    )
    names = sorted(report["task"]["name"] for report in result.blocked())
    assert names == ["loop 0", "loop 1", "loop 2"]
    assert len({report["loop"] for report in result.blocked()}) == 3
    assert len({report["thread"] for report in result.blocked()}) == 3


def test_child_of_a_fork_is_watched_anew_and_the_parent_goes_on(run_blocking):
    result = run_blocking(
        HELPERS,
        """
        import warnings
        warnings.simplefilter("error")

        async def blocked():
            hog()

        async def main():
            await asyncio.sleep(0.01)
            child = os.fork()
            if child == 0:
                asyncio.events._set_running_loop(None)
                threads = [watching()]
                aioxide.run(blocked(), diagnostics=diagnostics())
                threads.append(started())
                ok = threads[0] is None and threads[1] is not None
                os._exit(0 if ok else 1)
            _, status = os.waitpid(child, 0)
            tell(status)
            await asyncio.sleep(0.01)
            hog()
            tell([child, os.getpid()])

        aioxide.run(main(), diagnostics=diagnostics(limit=0.1))
        """,
    )
    status, pids = result.told
    assert status == 0
    assert set(pids) <= {report["pid"] for report in result.blocked()}


def test_signals_go_to_the_program(run_blocking):
    result = run_blocking(
        HELPERS,
        """
        import signal

        async def main():
            tid = started()
            with open(f"/proc/self/task/{tid}/status") as file:
                blocked = next(line for line in file if line.startswith("SigBlk"))
            mask = int(blocked.split()[1], 16)
            tell([bool(mask >> (number - 1) & 1) for number in (signal.SIGINT, signal.SIGALRM)])

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    assert result.told == [[True, True]]


def test_nested_runs_and_restarts_are_watched(run_blocking):
    result = run_blocking(
        HELPERS,
        """
        loop = aioxide.new_event_loop(diagnostics=diagnostics())
        async def nothing():
            pass
        async def blocked():
            hog()
        for _ in range(50):
            loop.run_until_complete(nothing())
        loop.run_until_complete(blocked())
        loop.close()
        tell(len(reports()))
        """,
    )
    assert result.told == [1]


@pytest.mark.skipif(not CAN_LEAVE, reason="the kernel is older than 5.9")
def test_thread_has_no_descriptor_of_the_process(run_blocking):
    """Else each system call of the loop would cost more, and copies would keep files open."""
    result = run_blocking(
        HELPERS,
        """
        async def main():
            tid = started()
            await alone(tid)
            own = descriptors(os.getpid())
            hog()
            tell(descriptors(os.getpid()) == own)
            # What it has opened for the report is closed, sooner or later.
            await alone(tid)

        aioxide.run(main(), diagnostics=diagnostics())
        """,
        env={"AIOXIDE_FRAMES": ""},
    )
    assert result.told == [True]


def test_thread_that_asks_the_interpreter_shares_the_descriptors(run_blocking):
    result = run_blocking(
        HELPERS,
        """
        async def main():
            tid = started()
            hog()
            # Between the two listings it may open or close a file of a report.
            while descriptors(tid) != descriptors(os.getpid()):
                await asyncio.sleep(0)
            tell(len(descriptors(tid)) > 3)

        aioxide.run(main(), diagnostics=diagnostics())
        """,
        env={"AIOXIDE_FRAMES": "gil"},
    )
    assert result.told == [True]


def test_reports_go_where_standard_error_leads_by_now(run_blocking):
    result = run_blocking(
        HELPERS,
        """
        async def main():
            hog()
            first = len(reports())
            other = os.open("other", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(other, 2)
            os.environ["REPORTS"] = "other"
            began_to_wait.clear()
            await asyncio.sleep(0)
            # Another place: the same one is not reported again so soon.
            while until_reported():
                time.sleep(0.05)
            tell([first, len(reports())])

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    assert result.told == [[1, 1]]
    assert len(result.blocked()) == 1


def test_closed_standard_error_is_no_error(run_blocking):
    """A report that cannot be written has its number all the same: the next one's shows it."""
    result = run_blocking(
        HELPERS,
        """
        async def hog_at(place):
            # A place of its own: the same one is not reported again so soon.
            began_to_wait.clear()
            code = "while until_reported(): time.sleep(0.05)"
            exec(compile(code, place, "exec"))
            await asyncio.sleep(0)
            return reports()[-1]["id"]

        async def main():
            kept = os.dup(2)
            before = await hog_at("first")
            for round in range(100):
                os.close(2)
                time.sleep(0.1)
                os.dup2(kept, 2)
                await asyncio.sleep(0)
                after = await hog_at(f"round {round}")
                if after > before + 1:
                    break
                before = after
            tell(after > before + 1)

        aioxide.run(main(), diagnostics=diagnostics())
        """,
    )
    assert result.told == [True]
