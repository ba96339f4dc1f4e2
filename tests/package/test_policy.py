"""EventLoopPolicy, and get_event_loop() where it still makes a loop."""

import asyncio
import sys

import pytest

import aioxide

has_policies = pytest.mark.skipif(sys.version_info >= (3, 16), reason="CPython has no policies")
get_makes = pytest.mark.skipif(sys.version_info >= (3, 14), reason="get_event_loop() makes no loop")

SET_POLICY = """
    import asyncio, aioxide, warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(aioxide.EventLoopPolicy())
"""


@has_policies
def test_policy_makes_our_loop(program):
    shown = program(
        SET_POLICY
        + """
    async def main():
        print(type(asyncio.get_running_loop()) is aioxide.EventLoop)
    asyncio.run(main())
    """
    )
    assert shown == "True\n"


@has_policies
def test_policy_makes_none_in_other_threads(program):
    shown = program(
        SET_POLICY
        + """
    import threading
    def work():
        try:
            asyncio.get_event_loop()
        except RuntimeError as error:
            print(error)
    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    """
    )
    assert shown == "There is no current event loop in thread 'worker'.\n"


@has_policies
def test_installed_policy_is_known_as_ours(program):
    """install() after the old way to say it has nothing to do, and uninstall() undoes nothing."""
    shown = program(
        SET_POLICY
        + """
    policy = asyncio.events._event_loop_policy
    aioxide.install()
    print(asyncio.events._event_loop_policy is policy)
    aioxide.uninstall()
    print(asyncio.events._event_loop_policy is policy)
    """
    )
    assert shown == "True\nTrue\n"


@has_policies
def test_policy_is_a_default_policy():
    from asyncio.unix_events import _UnixDefaultEventLoopPolicy

    assert issubclass(aioxide.EventLoopPolicy, _UnixDefaultEventLoopPolicy)


@get_makes
@pytest.mark.parametrize(
    ("module", "kind"), [("aioxide", "aioxide._loop"), ("asyncio", "asyncio.unix_events")]
)
def test_get_event_loop_makes_a_loop_once(program, module, kind):
    """In the main thread. asyncio warns of it from 3.12 on, at the caller's line."""
    shown = program(
        f"""
        import asyncio, sys, warnings
        import {module} as under_test
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            loop = under_test.get_event_loop()
        print([(str(w.message), w.filename == __file__) for w in given])
        print(type(loop).__module__)
        print(under_test.get_event_loop() is asyncio.get_event_loop() is loop)
        asyncio.set_event_loop(None)
        try:
            under_test.get_event_loop()
        except RuntimeError as error:
            print(error)
        loop.close()
        """
    )
    warned = "[('There is no current event loop', True)]" if sys.version_info >= (3, 12) else "[]"
    none = "There is no current event loop in thread 'MainThread'."
    assert shown.splitlines() == [warned, kind, "True", none]


def test_get_event_loop_is_the_running_one(loop):
    async def main():
        return aioxide.get_event_loop()

    assert loop.run_until_complete(main()) is loop


@get_makes
def test_get_event_loop_makes_none_in_other_threads(start_thread):
    errors = []

    def work():
        with pytest.raises(RuntimeError) as raised:
            aioxide.get_event_loop()
        errors.append(str(raised.value))

    start_thread(work).join()
    assert errors[0].startswith("There is no current event loop in thread ")


@get_makes
def test_get_event_loop_asks_the_programs_policy(program):
    shown = program(
        """
        import asyncio, aioxide, warnings
        class Policy(asyncio.DefaultEventLoopPolicy):
            def get_event_loop(self):
                return "the policy's"
        asyncio.set_event_loop_policy(Policy())
        print(aioxide.get_event_loop())
        """
    )
    assert shown == "the policy's\n"


def test_new_event_loop_is_not_made_current(program):
    shown = program(
        """
        import asyncio, aioxide
        asyncio.set_event_loop(None)
        loop = aioxide.new_event_loop()
        try:
            asyncio.get_event_loop()
        except RuntimeError as error:
            print(error)
        loop.close()
        """
    )
    assert shown == "There is no current event loop in thread 'MainThread'.\n"


def test_new_event_loop():
    loop = aioxide.new_event_loop()
    try:
        assert type(loop) is aioxide.EventLoop
        assert isinstance(loop, asyncio.AbstractEventLoop)
    finally:
        loop.close()
