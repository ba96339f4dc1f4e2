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
    ended.stdout.fnmatch_lines(["coroutines left:", "  coroutine 'nothing' was never awaited"])


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
