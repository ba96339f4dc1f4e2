"""Every kind of hog is told of while it blocks, by its line and by what it does."""

import pytest

pytestmark = pytest.mark.time_limit(120)

# How the hog is called, until a call of it was reported as `kind`, with `doing` in what it did. On
# a busy machine it may have no processor when it is looked at, or too little of one to tell what it
# does: that says nothing about it, and it is called again as it was.
CALLS = """
async def main():
    calls = []
    size = 0
    while size < {tries}:
        began_to_wait.clear()
        starved = len(reports(kind="processor"))
        began = time.monotonic()
        hog(size)
        calls.append([began, time.monotonic()])
        await asyncio.sleep(0)
        # The loop's own code has no line, and is looked at by chance on a busy machine.
        told = [report for report in reports(kind={kind!r}) if "hog" in str(report["stack"])]
        if any({doing!r} in report["doing"] for report in told):
            break
        if not told and len(reports(kind="processor")) == starved:
            size += 1
    tell(calls)

aioxide.run(main(), diagnostics=diagnostics())
"""

HOGS = {
    "sleep": """
        def hog(size):
            while until_reported():
                time.sleep(0.2)  # here
        """,
    "python": """
        def hog(size):
            number = 0
            for _ in range(1_000_000 << size): number += 1  # here
        """,
    "integer": """
        def hog(size):
            3 ** (400_000 << size)  # here
        """,
    "regex": """
        import re
        def hog(size):
            re.match("(a+)+$", "a" * (20 + 2 * size) + "b")  # here
        """,
    "json": """
        document = json.dumps([{"number": n, "text": "x" * 70} for n in range(500_000)])
        assert len(document) > 50_000_000
        def hog(size):
            json.loads(document)  # here
        """,
    "socket": """
        import socket
        def hog(size):
            listener = socket.create_server(("127.0.0.1", 0))
            client = socket.create_connection(listener.getsockname())
            peer, _ = listener.accept()
            with listener, client, peer:
                answer = threading.Thread(target=answers, args=(peer,))
                answer.start()
                client.recv(1)  # here
                answer.join()

        def answers(peer):
            while until_reported():
                time.sleep(0.01)
            peer.send(b"x")
        """,
    "timeout": """
        import socket
        def hog(size):
            one, other = socket.socketpair()
            with one, other:
                one.settimeout(0.2)
                while until_reported():
                    try:
                        one.recv(1)  # here
                    except TimeoutError:
                        pass
        """,
    "lock": """
        def hog(size):
            lock = threading.Lock()
            lock.acquire()
            opener = threading.Thread(target=opens, args=(lock,))
            opener.start()
            lock.acquire()  # here
            opener.join()

        def opens(lock):
            while until_reported():
                time.sleep(0.01)
            lock.release()
        """,
    "process": """
        import subprocess
        def hog(size):
            child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
            ender = threading.Thread(target=ends, args=(child,))
            ender.start()
            child.wait()  # here
            ender.join()

        def ends(child):
            while until_reported():
                time.sleep(0.01)
            child.stdin.close()
        """,
    "garbage": """
        import gc
        gc.disable()
        kept = [[n] for n in range(1_000_000)]
        def hog(size):
            for _ in range(1 << size): gc.collect()  # here
        """,
}
KINDS = {
    "sleep": "sleep",
    "python": "cpu",
    "integer": "cpu",
    "regex": "cpu",
    "json": "cpu",
    "socket": "syscall",
    "timeout": "syscall",
    "lock": "lock",
    "process": "process",
    "garbage": "gc",
}
IN_C = "C code that holds the GIL"


def calls(kind, tries=12, doing=""):
    """The program's main()."""
    return CALLS.format(tries=tries, kind=kind, doing=doing)


def of_hog(result, kind, doing=""):
    """The first report of this kind that is of the hog, and of what it did."""
    told = (report for report in result.blocked(kind=kind) if "hog" in str(report["stack"]))
    return next(report for report in told if doing in report["doing"])


@pytest.mark.parametrize("hog", list(HOGS))
def test_hog_is_told_of_while_it_blocks(run_blocking, hog):
    kind = KINDS[hog]
    doing = IN_C if hog in ("integer", "regex", "json") else ""
    result = run_blocking(HOGS[hog], calls(kind, doing=doing))
    report = of_hog(result, kind, doing)
    assert any(began < report["monotonic"] < ended for began, ended in result.told[0])
    site = report["site"]
    assert (site["file"], site["function"]) == (str(result.path), "hog")
    assert site["line"] == result.line_of("here")
    assert site["source"].endswith("# here")
    assert site in report["stack"]
    assert [frame["function"] for frame in report["stack"]][-1] == "main"
    assert report["task"]["coroutine"] == "main"
    assert report["hint"]
    free = [event for event in result.events if event["event"] == "free"]
    assert report["id"] in [event["id"] for event in free]
    if doing:
        assert report["holds_gil"]


def test_short_loop_in_python_is_no_call_of_c_code(run_blocking):
    """From 3.14 on its frame says all the time that it is at the end of a round."""
    hog = """
        def hog(size):
            for _ in range(1_000_000 << size): pass  # here
        """
    report = of_hog(run_blocking(hog, calls("cpu")), "cpu")
    assert report["doing"] == "computing"
    assert "shares the GIL with the loop by turns" in report["hint"]


def test_sleep_names_its_system_call(run_blocking):
    result = run_blocking(HOGS["sleep"], calls("sleep", tries=1))
    assert result.blocked()[0]["call"] == "clock_nanosleep"


def test_socket_is_named_with_its_peer(run_blocking):
    result = run_blocking(HOGS["socket"], calls("syscall", tries=1))
    report = result.blocked()[0]
    assert report["target"].startswith("tcp 127.0.0.1:")
    assert (report["call"], report["descriptor"] > 2) == ("recvfrom", True)


def test_hog_in_another_thread_that_holds_the_gil_is_named(run_blocking):
    result = run_blocking(
        """
        import re

        def named():
            # A thread that begins or ends holds the GIL, too, and is in no line.
            return [each for each in reports(kind="gil") if each["site"]["function"] == "hog"]

        def hog():
            size, since = 20, time.monotonic()
            while not named() and time.monotonic() - since < GIVEN_UP_AFTER:
                began = time.monotonic()
                re.match("(a+)+$", "a" * size + "b")  # here
                calls.append([began, time.monotonic()])
                size += 1

        calls = []

        async def main():
            thread = threading.Thread(target=hog)
            thread.start()
            while thread.is_alive():
                await asyncio.sleep(0.001)
            tell(calls)

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    report = next(
        report for report in result.blocked(kind="gil") if report["site"]["function"] == "hog"
    )
    assert any(began < report["monotonic"] < ended for began, ended in result.told[0])
    site = report["site"]
    assert (site["function"], site["line"]) == ("hog", result.line_of("here"))
    assert site in report["gil_holder"]["stack"]
    assert report["gil_holder"]["thread"] != report["thread"]
    assert not report["holds_gil"]


def test_disk_that_is_waited_for_is_named(run_blocking, tmp_path):
    result = run_blocking(
        """
        def hog(file):
            os.fsync(file.fileno())  # here

        def write(file, size):
            for _ in range(size):
                file.write(bytes(1 << 20))

        async def main():
            calls = []
            for size in (32, 64, 128, 256, 512):
                with open("big", "wb", buffering=0) as file:
                    await asyncio.to_thread(write, file, size)
                    began = time.monotonic()
                    hog(file)
                    calls.append([began, time.monotonic()])
                if named():
                    break
            tell(calls)

        def named():
            return [each for each in reports(kind="disk") if each["call"] == "fsync"]

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    # Opening and closing the file may wait as well.
    reports = result.blocked(kind="disk", call="fsync")
    if not reports:
        pytest.skip("writing half a gigabyte to this folder waits for no disk")
    report = reports[0]
    assert any(began < report["monotonic"] < ended for began, ended in result.told[0])
    site = report["site"]
    assert (site["function"], site["line"]) == ("hog", result.line_of("here"))
    assert report["target"] == str(tmp_path / "big")


def test_child_that_does_not_run_its_program_yet(run_blocking):
    """It opens a FIFO first, as it was told. The kernel calls its parent's wait a disk's."""
    result = run_blocking(
        """
        OPENER = '''
        import os, sys, time
        began = time.monotonic()
        while '"kind":"process"' not in open(sys.argv[1]).read():
            time.sleep(0.01)
            if time.monotonic() - began > 5:
                break
        os.close(os.open(sys.argv[2], os.O_WRONLY))
        '''

        def hog(fifo):
            opened = [(os.POSIX_SPAWN_OPEN, 0, fifo, os.O_RDONLY, 0)]
            return os.posix_spawn("/bin/true", ["true"], os.environ, file_actions=opened)  # here

        async def main():
            calls = []
            for number in range(5):
                fifo = f"fifo{number}"
                os.mkfifo(fifo)
                command = [sys.executable, "-c", OPENER, os.environ["REPORTS"], fifo]
                opener = await asyncio.create_subprocess_exec(*command)
                await asyncio.sleep(0)
                began = time.monotonic()
                child = hog(fifo)
                calls.append([began, time.monotonic()])
                os.waitpid(child, 0)
                await opener.wait()
                if reports(kind="process"):
                    break
            tell(calls)

        aioxide.run(main(), diagnostics=diagnostics())
        """
    )
    report = result.blocked(kind="process")[0]
    assert any(began < report["monotonic"] < ended for began, ended in result.told[0])
    assert report["site"]["line"] == result.line_of("here")
    assert report["doing"].startswith("waiting for another process (")
    assert "runs its program" in report["hint"]


IMPORT = """
import importlib
from pathlib import Path

SLOW = '''
import time
from __main__ import until_reported
while until_reported():
    time.sleep(0.2)
'''

def hog(size):
    Path(__file__).with_name(f"slow{size}.py").write_text(SLOW)
    importlib.invalidate_caches()
    importlib.import_module(f"slow{size}")
"""


def test_hint_of_an_import(run_blocking):
    result = run_blocking(IMPORT, calls("sleep"))
    report = of_hog(result, "sleep")
    assert "imported for the first time" in report["hint"]
    functions = [frame["function"] for frame in report["stack"]]
    assert functions.index("hog") > 0


def test_hint_where_the_program_collects_by_itself(run_blocking):
    result = run_blocking(HOGS["garbage"], calls("gc"))
    assert "the program asks for it" in of_hog(result, "gc")["hint"]


def test_hint_of_a_turn_of_few_steps_is_of_what_they_do(run_blocking):
    """Not that there are too many."""
    result = run_blocking(
        """
        def told():
            return [report for report in reports(kind="sleep") if report["work"]["unit"] == "turn"]

        async def main():
            loop = asyncio.get_running_loop()
            began = time.monotonic()
            while not told() and time.monotonic() - began < GIVEN_UP_AFTER:
                for _ in range(5):
                    loop.call_soon(time.sleep, 0.1)
                await asyncio.sleep(0)
                await asyncio.sleep(0)

        aioxide.run(main(), diagnostics=diagnostics(limit=0.35))
        """
    )
    report = next(report for report in result.blocked() if report["work"]["unit"] == "turn")
    assert report["work"]["begun"] <= 6
    assert report["kind"] == "sleep"
    assert "asyncio.sleep" in report["hint"]
