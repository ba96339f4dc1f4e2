"""The pytest plugin, as a project uses it, with pytest-asyncio, with anyio's plugin and without."""

import pytest

from .plugin import LOADED

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("in_a_project")

PRELUDE = """
    import asyncio, aioxide, pytest

    async def wait():
        await asyncio.sleep(3600)

    async def fail():
        raise ValueError("lost")

    async def nothing():
        pass
"""

LEAKS = """
    kept = []

    {mark}
    async def test_task():
        asyncio.create_task(wait(), name="poller")
        await asyncio.sleep(0)

    {mark}
    async def test_exception():
        kept.append(asyncio.create_task(fail(), name="refresh"))
        await asyncio.sleep(0)

    {mark}
    async def test_stored_coroutine():
        kept.append(nothing())

    {mark}
    async def test_server():
        kept.append(await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0))

    {mark}
    async def test_clean():
        task = asyncio.create_task(nothing())
        await task
        await asyncio.gather(nothing(), fail(), return_exceptions=True)
        late = asyncio.create_task(wait())
        await asyncio.sleep(0)
        late.cancel()

    def test_without_a_loop():
        pass
"""

RUNNERS = {
    "pytest-asyncio": (
        "@pytest.mark.asyncio",
        """
    def pytest_asyncio_loop_factories(config, item):
        return {"aioxide": aioxide.new_event_loop}
""",
    ),
    "anyio": (
        "@pytest.mark.anyio",
        """
    @pytest.fixture
    def anyio_backend():
        return "asyncio", {"loop_factory": aioxide.new_event_loop}
""",
    ),
}


@pytest.fixture
def in_a_project(pytester, monkeypatch):
    """A project of its own, without this project's settings, where nothing else is loaded."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")


@pytest.fixture
def run_tests(pytester):
    """run_tests(text, *options, conftest="") runs pytest in an interpreter of its own."""

    def run(text, *options, conftest=""):
        pytester.makepyfile(PRELUDE + text)
        if conftest:
            pytester.makeconftest("import aioxide, pytest\n" + conftest)
        return pytester.runpytest_subprocess(*LOADED, "-p", "no:cacheprovider", *options)

    return run


@pytest.fixture(params=list(RUNNERS))
def runner(request):
    """The mark of an asynchronous test, and the conftest that it needs."""
    pytest.importorskip(request.param.replace("-", "_"))
    return RUNNERS[request.param]


def dedent(text):
    return text.replace("\n    ", "\n")


def check_errors(ended):
    """Of the server it is told when the loop is closed: by anyio in the test, else after it."""
    outcomes = ended.parseoutcomes()
    assert outcomes["failed"] + outcomes.get("errors", outcomes.get("error", 0)) == 4
    assert outcomes["failed"] >= 3


def test_without_its_options_it_does_nothing(run_tests, runner):
    mark, conftest = runner
    ended = run_tests(LEAKS.format(mark=mark), conftest=dedent(conftest))
    ended.assert_outcomes(passed=6)
    ended.stdout.no_fnmatch_line("*LeakWarning*")


def test_errors(run_tests, runner):
    mark, conftest = runner
    ended = run_tests(LEAKS.format(mark=mark), "--aioxide-leaks=error", conftest=dedent(conftest))
    check_errors(ended)
    ended.stdout.fnmatch_lines(["transports left:"])
    ended.stdout.fnmatch_lines(
        [
            "*test_task*",
            "tasks left:",
            "  'poller'  wait()",
            "    waits    *.py:* in wait    await asyncio.sleep(3600)",
            '    spawned  *.py:* in test_task    asyncio.create_task(wait(), name="poller")',
            "*test_exception*",
            "exceptions left:",
            "  'refresh' failed with ValueError('lost'), and nobody has asked for it",
            "    spawned  *.py:* in test_exception*",
            "*test_stored_coroutine*",
            "coroutines left:",
            "  'nothing' was never started",
            "    created  *.py:* in test_stored_coroutine    kept.append(nothing())",
        ]
    )


def test_warnings(run_tests, runner):
    mark, conftest = runner
    ended = run_tests(LEAKS.format(mark=mark), "--aioxide-leaks=warn", conftest=dedent(conftest))
    ended.assert_outcomes(passed=6, warnings=4)
    ended.stdout.fnmatch_lines(["*LeakWarning: tasks left:*"])


def test_the_configuration_file_sets_the_default(pytester, run_tests, runner):
    mark, conftest = runner
    pytester.makeini(
        "[pytest]\naioxide_leaks = error\nasyncio_default_fixture_loop_scope = function\n"
    )
    text = LEAKS.format(mark=mark)
    check_errors(run_tests(text, conftest=dedent(conftest)))
    ended = run_tests(text, "--aioxide-leaks=off", conftest=dedent(conftest))
    ended.assert_outcomes(passed=6)


def test_a_wrong_word_in_the_configuration_file(pytester, run_tests):
    pytester.makeini("[pytest]\naioxide_leaks = fatal\n")
    ended = run_tests("")
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["ERROR: aioxide_leaks is off, warn or error, not 'fatal'"])


@pytest.mark.parametrize("option", ["--aioxide-leaks=warn", "--aioxide-blocking=warn"])
def test_a_wrong_word_in_the_environment(monkeypatch, run_tests, option):
    monkeypatch.setenv("AIOXIDE_BLOCKING", "50mz")
    ended = run_tests("", option)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["ERROR: AIOXIDE_BLOCKING: '50mz' is no duration; say *"])


ALLOWED = """
    @pytest.mark.aioxide_allow_leaks({names})
    {mark}
    async def test_it():
        asyncio.create_task(wait(), name="poller-7")
        await asyncio.sleep(0)
"""


@pytest.mark.parametrize("names", ["", '"poller-7"', '"other", "poller-*"', '"wait"', '"tasks"'])
def test_a_marker_allows(run_tests, runner, names):
    mark, conftest = runner
    text = ALLOWED.format(mark=mark, names=names)
    run_tests(text, "--aioxide-leaks=error", conftest=dedent(conftest)).assert_outcomes(passed=1)


@pytest.mark.parametrize("names", ['"poller"', '"coroutines"'])
def test_a_marker_allows_no_more_than_it_names(run_tests, runner, names):
    mark, conftest = runner
    text = ALLOWED.format(mark=mark, names=names)
    run_tests(text, "--aioxide-leaks=error", conftest=dedent(conftest)).assert_outcomes(failed=1)


def test_what_fixtures_made_is_theirs(run_tests):
    pytest.importorskip("pytest_asyncio")
    mark, conftest = RUNNERS["pytest-asyncio"]
    ended = run_tests(
        f"""
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def poller():
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        yield task
        task.cancel()

    {mark}
    async def test_it(poller):
        await asyncio.sleep(0)
""",
        "--aioxide-leaks=error",
        conftest=dedent(conftest),
    )
    ended.assert_outcomes(passed=1)


def test_tests_that_run_their_own_loop(run_tests):
    ended = run_tests(
        """
    import unittest

    async def leave():
        asyncio.create_task(wait(), name="left")
        await asyncio.sleep(0)

    def test_run():
        aioxide.run(leave())

    def test_dropped():
        async def main():
            nothing()
        aioxide.run(main())

    def test_clean():
        aioxide.run(nothing())

    class Case(unittest.IsolatedAsyncioTestCase):
        loop_factory = staticmethod(aioxide.new_event_loop)

        async def test_in_a_case(self):
            await nothing()
""",
        "--aioxide-leaks=error",
        "-W",
        "ignore::RuntimeWarning",
    )
    ended.assert_outcomes(passed=2, failed=2)
    ended.stdout.fnmatch_lines(["tasks left:", "  'left'  wait()"])
    ended.stdout.fnmatch_lines(["coroutines left:", "  'nothing' was never awaited"])


def test_a_test_that_fails_fails_by_its_own_error(run_tests, runner):
    mark, conftest = runner
    ended = run_tests(
        f"""
    {mark}
    async def test_it():
        asyncio.create_task(wait())
        raise KeyError("its own")
""",
        "--aioxide-leaks=error",
        conftest=dedent(conftest),
    )
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["E*KeyError: 'its own'"])
    ended.stdout.no_fnmatch_line("*left:*")


def test_a_coroutine_is_told_of_once(run_tests, runner):
    """pytest keeps the warning that it was never awaited, and so the coroutine."""
    mark, conftest = runner
    ended = run_tests(
        f"""
    {mark}
    async def test_it():
        nothing()
""",
        "--aioxide-leaks=warn",
        conftest=dedent(conftest),
    )
    ended.assert_outcomes(passed=1, warnings=2)
    ended.stdout.fnmatch_lines(
        [
            "*RuntimeWarning: coroutine 'nothing' was never awaited",
            "*LeakWarning: coroutines left:",
            "    'nothing' was never awaited",
            "      created  *.py:* in test_it    nothing()",
        ]
    )
    ended.stdout.no_fnmatch_line("*never started*")
    # It is said where it was created.
    ended.stdout.no_fnmatch_line("*tracemalloc*")


def test_what_a_package_has_spawned_for_itself_is_left_out(pytester, run_tests, runner):
    """A fixture may have the server whose connection is handled by such a task."""
    mark, conftest = runner
    folder = pytester.mkdir("site-packages")
    (folder / "package.py").write_text(
        """
import asyncio

async def handle(callback):
    await callback()

def start(callback):
    return asyncio.create_task(handle(callback))
"""
    )
    ended = run_tests(
        f"""
    import package

    async def page():
        await wait()

    {mark}
    async def test_idle():
        package.start(asyncio.Event().wait)
        await asyncio.sleep(0)

    {mark}
    async def test_in_the_program():
        package.start(page)
        await asyncio.sleep(0)
""",
        "--aioxide-leaks=error",
        conftest=f"import sys\nsys.path.insert(0, {str(folder)!r})\n" + dedent(conftest),
    )
    ended.assert_outcomes(passed=1, failed=1)
    ended.stdout.fnmatch_lines(
        [
            "*test_in_the_program*",
            "tasks left:",
            "  '*'  handle()",
            "    waits    *.py:* in wait    await asyncio.sleep(3600)",
            "    spawned  *.py:* in test_in_the_program    package.start(page)",
        ]
    )


def test_what_is_open_says_what_it_is(run_tests):
    ended = run_tests(
        """
    class Answers(asyncio.Protocol):
        pass

    def test_it():
        async def main():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(Answers, "127.0.0.1", 0)
            kept.append(server)
            kept.append(await loop.create_connection(Answers, *server.sockets[0].getsockname()))
            await asyncio.sleep(0)
        aioxide.run(main())

    kept = []
""",
        "--aioxide-leaks=error",
    )
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines_random(
        [
            "transports left:",
            "  <Listener fd=* address=('127.0.0.1', *)>",
            "  <StreamTransport fd=* read=polling write=<idle, bufsize=0>>",
            "    from ('127.0.0.1', *) to ('127.0.0.1', *)",
            "    protocol  Answers",
        ]
    )


def test_warnings_come_through_xdist(run_tests):
    pytest.importorskip("xdist")
    ended = run_tests(
        """
    import time

    def test_it():
        async def main():
            asyncio.create_task(wait(), name="left")
            time.sleep(0.2)
        aioxide.run(main())
""",
        *("-p", "xdist", "-n", "1", "--aioxide-leaks=warn", "--aioxide-blocking=warn:50ms"),
    )
    ended.assert_outcomes(passed=1, warnings=2)
    ended.stdout.fnmatch_lines_random(["*LeakWarning: tasks left:", "*BlockingWarning: the event*"])
