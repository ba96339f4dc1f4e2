"""How a program ends: its exit status, its traceback, what runs after its last line."""

import subprocess
import textwrap

import pytest

PROGRAMS = {
    "last line": "print('done')",
    "exit without a status": "import sys; sys.exit()",
    "exit with a number": "import sys; sys.exit(7)",
    "exit with a large number": "import sys; sys.exit(300)",
    "exit with a text": "import sys; sys.exit('a reason')",
    "exit with another object": "import sys; sys.exit([1, 2])",
    "exit raised": "raise SystemExit(3)",
    "exit in a task": """
        import asyncio, sys
        async def main():
            sys.exit(5)
        asyncio.run(main())
        """,
    "exit at once": "import os; os._exit(9)",
    "exception": """
        def fail():
            raise ValueError("no")
        fail()
        """,
    "exception with a cause": """
        def fail():
            try:
                1 / 0
            except ZeroDivisionError as error:
                raise ValueError("no") from error
        try:
            fail()
        except ValueError:
            fail()
        """,
    "exception group": """
        def fail():
            1 / 0
        try:
            fail()
        except ZeroDivisionError as error:
            raise ExceptionGroup("several", [error, ValueError("no")])
        """,
    "exception with a note": """
        error = ValueError("no")
        error.add_note("a note")
        raise error
        """,
    "exception that was raised before": """
        def fail():
            raise ValueError("no")
        try:
            fail()
        except ValueError as error:
            raise error
        """,
    "assertion": "assert 1 + 1 == 3, 'sum'",
    "missing import": "import no_such_module",
    "failing import": "import failing",
    "import with a syntax error": "import wrong",
    "syntax error": "print('not run')\ndef f(:\n    pass",
    "bad indentation": "if 1:\nprint()",
    "interrupt": "raise KeyboardInterrupt",
    "interrupt by the signal": """
        import os, signal
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            pass
        """,
    "subclass of interrupt": """
        class Stop(KeyboardInterrupt):
            pass
        raise Stop("now")
        """,
    "other base exception": "raise GeneratorExit",
    "hook": """
        import sys, traceback
        def hook(kind, value, tb):
            print("hook:", kind, value, tb is value.__traceback__ is sys.last_traceback)
            print(*traceback.format_tb(tb), sep="")
            print(sys.excepthook is hook)
        sys.excepthook = hook
        1 / 0
        """,
    "hook that fails": """
        import sys
        def hook(*args):
            raise ValueError("the hook is broken")
        sys.excepthook = hook
        1 / 0
        """,
    "hook that exits": """
        import sys
        def hook(*args):
            sys.exit(4)
        sys.excepthook = hook
        1 / 0
        """,
    "no hook": "import sys; del sys.excepthook; sys.exit(6)",
    "after an exception": """
        import atexit, sys, threading
        class Last:
            def __del__(self):
                print("collected")
        last = Last()
        def end():
            print("thread ends", threading.main_thread().is_alive())
        thread = threading.Thread(target=lambda: (threading.main_thread().join(), end()))
        thread.start()
        atexit.register(lambda: print("exit handler", sys.excepthook is sys.__excepthook__))
        1 / 0
        """,
    "after an interrupt": """
        import atexit
        class Last:
            def __del__(self):
                print("collected")
        last = Last()
        atexit.register(print, "exit handler")
        raise KeyboardInterrupt
        """,
    "exit handler that fails": "import atexit; atexit.register(int, 'x')",
    "exception in a thread": """
        import threading
        thread = threading.Thread(target=lambda: 1 / 0, name="worker")
        thread.start()
        thread.join()
        """,
}


@pytest.fixture
def modules(write):
    write("failing.py", "def fail():\n    raise OSError('no')\nfail()\n")
    write("wrong.py", "x = (\n")


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.usefixtures("modules")
def test_script_ends_as_with_python(launch, write, name):
    write("program.py", PROGRAMS[name])
    ended = launch.same("program.py")
    assert "aioxide" not in ended.stderr.replace(str(launch.directory), "")


@pytest.mark.parametrize(
    "name",
    ["exit with a text", "exception", "failing import", "interrupt", "hook", "after an exception"],
)
@pytest.mark.usefixtures("modules")
def test_installed_script_ends_as_python(launch_both, write, name):
    write("program.py", PROGRAMS[name])
    launch_both.same("program.py")


@pytest.mark.parametrize(
    "name",
    [
        "last line",
        "exit with a number",
        "exception",
        "failing import",
        "interrupt by the signal",
        "hook",
    ],
)
@pytest.mark.parametrize("kind", ["module", "directory", "stdin"])
@pytest.mark.usefixtures("modules")
def test_other_programs_end_as_with_python(launch, write, name, kind):
    write("program.py", PROGRAMS[name])
    if kind == "module":
        launch.same("-m", "program")
    elif kind == "stdin":
        launch.same("-", input=textwrap.dedent(PROGRAMS[name]))
    else:
        write("tool/__main__.py", PROGRAMS[name])
        write("tool/failing.py", "def fail():\n    raise OSError('no')\nfail()\n")
        launch.same("tool")


def test_syntax_error_of_a_module_shows_no_machinery(launch, write):
    write("wrong.py", "x = (\n")
    plain, ours = launch.plain("-m", "wrong"), launch.aioxide("-m", "wrong")
    assert ours.returncode == plain.returncode == 1
    assert "frozen" not in ours.stderr
    assert ours.stderr.splitlines() == plain.stderr.splitlines()[-4:]


def test_package_that_cannot_be_imported_shows_its_own_frames(launch, write):
    write("package/__init__.py", "def fail():\n    1 / 0\nfail()\n")
    write("package/module.py", "print('not run')")
    launch.same("-m", "package.module")


def test_package_with_a_missing_import_is_not_a_missing_package(launch, write):
    write("package/__init__.py", "import no_such_module")
    write("package/module.py", "print('not run')")
    ended = launch.same("-m", "package.module")
    assert ended.returncode == 1
    assert ended.stderr.endswith("ModuleNotFoundError: No module named 'no_such_module'\n")


def test_exception_in_the_main_coroutine_begins_with_the_program(launch, write):
    program = write(
        "program.py",
        """
        import asyncio
        async def main():
            await asyncio.sleep(0)
            raise ValueError("no")
        asyncio.run(main())
        """,
    )
    plain, ours = launch.plain("program.py"), launch.aioxide("program.py")
    assert ours.returncode == plain.returncode == 1
    plain_lines, our_lines = plain.stderr.splitlines(), ours.stderr.splitlines()
    assert our_lines[:2] == plain_lines[:2]
    assert our_lines[1] == f'  File "{program}", line 6, in <module>'
    assert our_lines[-3:] == plain_lines[-3:]


@pytest.mark.parametrize("text", ["x", "x" * 1_000_000])
def test_reader_that_went_away(launch, write, text):
    """The small text fails when it is flushed at the end, the large one in print()."""
    write("program.py", "import sys; n = int(sys.stdin.read()); print('x' * n)")
    seen = []
    for line in (launch.plain_line("program.py"), launch.aioxide_line("program.py")):
        child = subprocess.Popen(
            line,
            cwd=launch.directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        child.stdout.close()
        child.stdin.write(str(len(text)))
        child.stdin.close()
        with child.stderr:
            errors = child.stderr.read()
        seen.append((child.wait(timeout=30), errors))
    assert seen[0] == seen[1]
    assert "BrokenPipeError" in seen[1][1]
    assert seen[1][0] != 0


def test_program_can_go_on_interactively(launch, write):
    """With -i the interpreter takes up where the program ended, in the program's `__main__`."""
    write("program.py", "value = 'of the program'\n")
    ours = launch.aioxide("program.py", python=["-i", "-q"], input="print('value', value)\n")
    assert "value of the program\n" in ours.stdout
