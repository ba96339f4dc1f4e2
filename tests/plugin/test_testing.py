"""Test runners: pytest-asyncio, anyio's plugin, and unittest."""

import sys

import pytest

TEST = """
    import asyncio, aioxide, pytest

    {mark}
    async def test_loop():
        await asyncio.sleep(0)
        assert type(asyncio.get_running_loop()) is aioxide.EventLoop
"""
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_pytest_asyncio_by_its_hook(write, execute):
    """From 1.4 on it asks a hook for loop factories."""
    pytest.importorskip("pytest_asyncio")
    write("test_it.py", TEST.format(mark="@pytest.mark.asyncio"))
    write(
        "conftest.py",
        """
        import aioxide

        def pytest_asyncio_loop_factories(config, item):
            return {"aioxide": aioxide.new_event_loop}
        """,
    )
    assert "1 passed" in execute(*PYTEST, "test_it.py")


@pytest.mark.skipif(sys.version_info >= (3, 16), reason="CPython has no policies")
def test_pytest_asyncio_by_a_policy(write, execute):
    """For releases before 1.4; deprecated there."""
    pytest.importorskip("pytest_asyncio")
    write("test_it.py", TEST.format(mark="@pytest.mark.asyncio"))
    write(
        "conftest.py",
        """
        import aioxide, pytest

        @pytest.fixture(scope="session")
        def event_loop_policy():
            return aioxide.EventLoopPolicy()
        """,
    )
    assert "1 passed" in execute(*PYTEST, "test_it.py")


def test_anyio_plugin(write, execute):
    pytest.importorskip("anyio")
    write("test_it.py", TEST.format(mark="@pytest.mark.anyio"))
    write(
        "conftest.py",
        """
        import aioxide, pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio", {"loop_factory": aioxide.new_event_loop}
        """,
    )
    assert "1 passed" in execute(*PYTEST, "-p", "no:asyncio", "test_it.py")


def test_anyio_run(write, execute):
    pytest.importorskip("anyio")
    write(
        "main.py",
        """
        import aioxide, anyio, asyncio

        async def main():
            print(type(asyncio.get_running_loop()) is aioxide.EventLoop)

        anyio.run(main, backend_options={"loop_factory": aioxide.new_event_loop})
        """,
    )
    assert execute("main.py") == "True\n"


def test_unittest(write, execute):
    write(
        "test_it.py",
        """
        import asyncio, unittest, aioxide

        aioxide.install()

        class Tests(unittest.IsolatedAsyncioTestCase):
            async def test_loop(self):
                assert type(asyncio.get_running_loop()) is aioxide.EventLoop
        """,
    )
    execute("-m", "unittest", "test_it")
