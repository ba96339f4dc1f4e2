"""What the tests of another event loop's package find by its name: the loop under test.

This file is copied into the package's folder as its `__init__`, beside what the suite takes of the
archive. So the package's helpers are its own and its loop is not, in the process of the tests and
in the interpreters that these start.
"""

import asyncio
import importlib
import os


def factory():
    module, _, attribute = os.environ["LOOP_UNDER_TEST"].partition(":")
    if module == "asyncio":
        # The public name may hold the harness's own class.
        return asyncio.unix_events._UnixSelectorEventLoop
    return getattr(importlib.import_module(module), attribute or "new_event_loop")


def loop_class():
    if isinstance(new, type):
        return new
    loop = new()
    loop.close()
    return type(loop)


def new_event_loop():
    """Through the name that the harness has bound, which counts the loop; else the loop itself."""
    bound = asyncio.SelectorEventLoop
    return new() if bound.__module__.startswith("asyncio") else bound()


def run(main, **options):
    options.setdefault("loop_factory", new_event_loop)
    debug = options.pop("debug", None)
    with asyncio.Runner(debug=debug, **options) as runner:
        return runner.run(main)


def install():
    asyncio.set_event_loop_policy(__getattr__("EventLoopPolicy")())


def __getattr__(name):
    # Asking for a policy warns from CPython 3.14 on.
    if name != "EventLoopPolicy":
        raise AttributeError(f"the stand-in of {__name__} has no {name}")

    class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
        _loop_factory = staticmethod(new_event_loop)

    return EventLoopPolicy


new = factory()
Loop = loop_class()
