"""``import aioxide as asyncio``: every name is there, ours where we have one."""

import asyncio
import importlib.metadata
import inspect
import subprocess
import sys
import warnings

import pytest

import aioxide

OWN = {"EventLoop", "EventLoopPolicy", "Runner", "install", "new_event_loop", "run", "uninstall"}
# Wider than asyncio's: they have a limit.
OWN |= {"as_completed", "gather"}
FAN_OUT = {"AutoLimit", "FanOutError", "Limiter", "Progress", "Result", "Retry", "Stream"}
OWN |= FAN_OUT | {"amap", "stream", "threaded"}
if sys.version_info >= (3, 16):
    OWN -= {"EventLoopPolicy"}
if sys.version_info < (3, 14):
    OWN |= {"get_event_loop"}


@pytest.mark.parametrize("name", asyncio.__all__)
def test_name_of_asyncio(name):
    assert name in aioxide.__all__
    if name in OWN:
        assert getattr(aioxide, name) is not getattr(asyncio, name)
    else:
        assert getattr(aioxide, name) is getattr(asyncio, name)


@pytest.mark.parametrize("name", sorted(OWN))
def test_own_name(name):
    own = getattr(aioxide, name)
    assert own.__module__.startswith("aioxide.")
    assert inspect.getdoc(own)
    assert name in aioxide.__all__


def test_all_of_all_is_there():
    names = {}
    exec("from aioxide import *", names)
    assert set(aioxide.__all__) <= names.keys()


def test_what_is_not_in_all_is_asyncios():
    """Programs use submodules, and names that CPython 3.11 forgot to list (TaskGroup)."""
    names = [name for name in dir(asyncio) if not name.startswith("__")]
    assert {"events", "subprocess", "TaskGroup", "timeout"} <= set(names)
    for name in set(names) - OWN:
        assert getattr(aioxide, name) is getattr(asyncio, name)
    assert set(names) <= set(dir(aioxide))


def test_the_client_is_there_without_an_import_of_its_own():
    program = (
        "import sys, aioxide\n"
        "assert 'http' not in dir(aioxide) and 'http' not in aioxide.__all__\n"
        "assert 'aioxide.http' not in sys.modules\n"
        "assert aioxide.http.ClientSession and 'http' in dir(aioxide)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", ["multidict", "yarl"])
def test_what_the_client_misses_is_named(name):
    program = (
        "import sys\n"
        f"sys.modules[{name!r}] = None\n"
        "import aioxide\n"
        "from aioxide import *\n"
        "try:\n"
        "    aioxide.http\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error, error.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == (
        f"aioxide.http needs multidict and yarl, and there is no {name}: "
        f"pip install multidict yarl {name}\n"
    )


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'aioxide' has no attribute 'slep'"):
        getattr(aioxide, "slep")  # noqa: B009
    with pytest.raises(ImportError, match="cannot import name 'slep' from 'aioxide'"):
        from aioxide import slep  # noqa: F401


@pytest.mark.skipif(
    not (3, 14) <= sys.version_info < (3, 16), reason="names that asyncio deprecates by __getattr__"
)
@pytest.mark.parametrize("name", ["AbstractEventLoopPolicy", "DefaultEventLoopPolicy"])
def test_deprecated_name_warns_as_in_asyncio(name):
    def ask(module):
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            value = getattr(module, name)
        return value, [(str(w.message), w.category, w.filename) for w in given]

    assert ask(aioxide) == ask(asyncio)
    assert ask(aioxide)[1][0][2] == __file__


def test_version():
    assert aioxide.__version__ == importlib.metadata.version("aioxide")


def test_import_changes_nothing_and_warns_of_nothing(program):
    shown = program(
        """
        import asyncio
        before = [{name: getattr(module, name) for name in vars(module)} for module in
                  (asyncio, asyncio.events, asyncio.runners, asyncio.tasks, asyncio.unix_events)]
        policy = vars(asyncio.unix_events._UnixDefaultEventLoopPolicy).copy()
        import aioxide
        after = [{name: getattr(module, name) for name in vars(module)} for module in
                 (asyncio, asyncio.events, asyncio.runners, asyncio.tasks, asyncio.unix_events)]
        print(after == before, vars(asyncio.unix_events._UnixDefaultEventLoopPolicy) == policy)
        """
    )
    assert shown == "True True\n"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="policies are public names before 3.14")
def test_import_needs_no_policies(program):
    """3.16 has none."""
    shown = program(
        """
        import asyncio, sys
        for module in (asyncio, asyncio.events, asyncio.unix_events):
            for name in [name for name in vars(module) if "policy" in name.lower()]:
                delattr(module, name)
        asyncio.__all__ = tuple(name for name in asyncio.__all__ if "policy" not in name.lower())
        sys.version_info = (3, 16, 0, "final", 0)
        import aioxide

        async def main():
            return type(asyncio.get_running_loop()) is aioxide.EventLoop

        with aioxide.Runner(loop_factory=aioxide.new_event_loop) as runner:
            print(runner.run(main()))
        print(hasattr(aioxide, "EventLoopPolicy"))
        try:
            aioxide.install()
        except RuntimeError as error:
            print(error)
        """
    )
    assert shown == (
        "True\nFalse\naioxide.install() knows CPython 3.11 to 3.15; "
        "use aioxide.run() or loop_factory=aioxide.new_event_loop\n"
    )


def test_unchanged_program_runs(program):
    shown = program(
        """
        import aioxide as asyncio

        async def main():
            queue = asyncio.Queue(1)
            async with asyncio.TaskGroup() as group:
                group.create_task(queue.put(1))
                group.create_task(queue.put(2))
                print(await queue.get(), await queue.get())
            async with asyncio.timeout(60):
                print(await asyncio.gather(asyncio.sleep(0, "a"), asyncio.sleep(0, "b")))
            print(type(asyncio.get_running_loop()) is asyncio.EventLoop)

        asyncio.run(main())
        """
    )
    assert shown == "1 2\n['a', 'b']\nTrue\n"
