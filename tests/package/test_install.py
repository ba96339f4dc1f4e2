"""install() and uninstall(): where asyncio takes its loops from, and back."""

import asyncio
import sys

import pytest

import aioxide

# Loops that a program makes without naming a class, by functions that it may hold for long.
EARLY = """
    import asyncio
    from asyncio import Runner, new_event_loop, run

    def made():
        async def kind():
            return type(asyncio.get_running_loop())
        kinds = [run(kind()), asyncio.run(kind())]
        for make in (Runner, asyncio.Runner):
            with make() as runner:
                kinds.append(runner.run(kind()))
        for make in (new_event_loop, asyncio.new_event_loop, asyncio.events.new_event_loop):
            loop = make()
            kinds.append(type(loop))
            loop.close()
        assert len(set(kinds)) == 1, kinds
        return kinds[0].__module__.partition(".")[0]
"""


def test_installed_loop_is_everywhere(program):
    shown = program(
        EARLY
        + """
    print(made())
    import aioxide
    aioxide.install()
    print(made())
    aioxide.install()
    print(made())
    aioxide.uninstall()
    print(made())
    aioxide.uninstall()
    print(made())
    aioxide.install()
    print(made())
    """
    )
    assert shown.split() == ["asyncio", "aioxide", "aioxide", "asyncio", "asyncio", "aioxide"]


def test_uninstall_puts_the_same_objects_back(program):
    shown = program(
        """
        import asyncio, sys, warnings
        modules = [sys.modules[name] for name in sorted(sys.modules) if name.startswith("asyncio")]
        def everything():
            seen = {}
            for module in modules:
                for name, value in vars(module).items():
                    seen[module.__name__, name] = value
                    if isinstance(value, type):
                        for attribute, inner in vars(value).items():
                            seen[module.__name__, name, attribute] = inner
            return seen
        import aioxide
        aioxide.uninstall()
        before = everything()
        aioxide.install()
        changed = {key for key, value in everything().items() if before[key] is not value}
        aioxide.install()
        aioxide.uninstall()
        after = everything()
        print(after.keys() == before.keys(), all(after[key] is before[key] for key in before))
        print({key[-1] for key in changed})
        """
    )
    assert shown == "True True\n{'_loop_factory'}\n"


def test_current_loop_survives(program):
    shown = program(
        """
        import asyncio, aioxide
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        aioxide.install()
        print(asyncio.get_event_loop() is loop)
        aioxide.uninstall()
        print(asyncio.get_event_loop() is loop)
        loop.close()
        """
    )
    assert shown == "True\nTrue\n"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="get_event_loop() makes no loop there")
def test_get_event_loop_makes_ours(program):
    shown = program(
        """
        import asyncio, aioxide, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        aioxide.install()
        loop = asyncio.get_event_loop()
        print(type(loop) is aioxide.EventLoop, asyncio.get_event_loop() is loop)
        loop.close()
        """
    )
    assert shown == "True True\n"


@pytest.mark.skipif(sys.version_info >= (3, 16), reason="CPython has no policies")
@pytest.mark.parametrize("when", ["before", "after"])
def test_policy_of_the_program(program, when):
    """One that was set before is replaced, as any loop's install() does; one set later holds."""
    shown = program(
        f"""
        import asyncio, warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            class Policy(asyncio.DefaultEventLoopPolicy):
                def new_event_loop(self):
                    return asyncio.SelectorEventLoop()
            mine = Policy()
            def set_it():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    asyncio.set_event_loop_policy(mine)
        import aioxide
        if {when!r} == "before":
            set_it()
        aioxide.install()
        aioxide.install()
        if {when!r} == "after":
            set_it()
        loop = asyncio.new_event_loop()
        print(type(loop) is aioxide.EventLoop)
        loop.close()
        aioxide.uninstall()
        print(asyncio.events._event_loop_policy is mine)
        loop = asyncio.new_event_loop()
        print(type(loop) is asyncio.SelectorEventLoop)
        loop.close()
        """
    )
    assert shown.split() == [str(when == "before"), "True", "True"]


@pytest.mark.skipif(sys.version_info >= (3, 16), reason="CPython has no policies")
def test_policy_that_only_adds_to_asyncios_is_kept(program):
    """Tornado's AnyThreadEventLoopPolicy is one: it does not say which loop is made."""
    shown = program(
        """
        import asyncio, warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            class Policy(asyncio.DefaultEventLoopPolicy):
                pass
            mine = Policy()
            asyncio.set_event_loop_policy(mine)
        import aioxide
        aioxide.install()
        print(asyncio.events._event_loop_policy is mine)
        loop = asyncio.new_event_loop()
        print(type(loop) is aioxide.EventLoop)
        loop.close()
        """
    )
    assert shown == "True\nTrue\n"


@pytest.mark.skipif(sys.version_info >= (3, 16), reason="CPython has no policies")
def test_default_policy_set_again_makes_ours(program):
    """asyncio.set_event_loop_policy(None) means the default, and that is what was installed."""
    shown = program(
        """
        import asyncio, aioxide, warnings
        aioxide.install()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            asyncio.set_event_loop_policy(None)
        loop = asyncio.new_event_loop()
        print(type(loop) is aioxide.EventLoop)
        loop.close()
        """
    )
    assert shown == "True\n"


def test_loop_factory_and_classes_still_hold(program):
    shown = program(
        """
        import asyncio, aioxide
        aioxide.install()
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            print(type(runner.get_loop()) is asyncio.SelectorEventLoop)
        """
    )
    assert shown == "True\n"


def test_unittest_runs_on_it(program):
    shown = program(
        """
        import asyncio, aioxide, sys, unittest
        aioxide.install()
        class Test(unittest.IsolatedAsyncioTestCase):
            async def test_loop(self):
                self.assertIs(type(asyncio.get_running_loop()), aioxide.EventLoop)
        result = unittest.TextTestRunner(sys.stdout).run(
            unittest.defaultTestLoader.loadTestsFromTestCase(Test))
        print(result.testsRun, result.wasSuccessful())
        """
    )
    assert shown.endswith("1 True\n")


def test_threads_get_it_too(program):
    shown = program(
        """
        import asyncio, aioxide, threading
        aioxide.install()
        async def main():
            print(type(asyncio.get_running_loop()) is aioxide.EventLoop)
        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        thread.join()
        """
    )
    assert shown == "True\n"


def test_unknown_python_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 16, 0, "final", 0))
    with pytest.raises(RuntimeError, match=r"CPython 3\.11 to 3\.15; use aioxide\.run\(\)"):
        aioxide.install()
    loop = asyncio.new_event_loop()
    loop.close()
    assert type(loop) is asyncio.SelectorEventLoop
