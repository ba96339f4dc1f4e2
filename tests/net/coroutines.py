"""Hooks for directories whose tests may be coroutine functions; their conftest.py imports them."""

import inspect

import pytest

TIME_LIMIT = 20


def pytest_itemcollected(item):
    """Cut a wait that does not end sooner than the suite's own limit does."""
    if item.get_closest_marker("time_limit") is None:
        item.add_marker(pytest.mark.time_limit(TIME_LIMIT))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test that is a coroutine function on its `loop` fixture."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    pyfuncitem.funcargs["loop"].run_until_complete(pyfuncitem.obj(**arguments))
    return True
