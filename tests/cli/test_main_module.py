"""What a program sees of its start: its globals, sys.argv, sys.path, `__main__`."""

import os
import py_compile
import socket
import subprocess
import zipfile

import pytest

# A loader and a spec show an address, so they are shown by what they hold.
SHOW = """
import sys
for name in sorted(globals()):
    value = globals()[name]
    if name == "__spec__" and value is not None:
        value = (value.name, type(value.loader), value.origin, value.cached, value.parent)
    elif name == "__loader__":
        value = value if isinstance(value, type) else (type(value), vars(value))
    print(name, "=", str(value)[:300].replace(hex(id(value)), "ADDRESS"))
print(sys.argv, sys.path, sys.flags)
print(sys.modules["__main__"].__dict__ is globals(), __import__("__main__").sys is sys)
"""

LOOP = """
import asyncio
from asyncio import run, new_event_loop

async def main():
    return type(asyncio.get_running_loop()).__module__

print(run(main()))
with asyncio.Runner() as runner:
    print(runner.run(main()))
loop = new_event_loop()
print(type(loop).__module__)
loop.close()
"""


@pytest.fixture
def show(write):
    return write("show.py", SHOW)


def test_script_has_pythons_globals(launch_both, show):
    shown = launch_both.same("show.py", "one", "--two", "")
    assert "__name__ = __main__\n" in shown.stdout
    assert f"__file__ = {show}\n" in shown.stdout


@pytest.mark.parametrize("name", ["./show.py", "../{}/show.py", "{}/show.py"])
def test_script_is_named_as_it_was_given(launch, show, tmp_path, name):
    launch.same(name.format(tmp_path if name[0] == "{" else tmp_path.name))


def test_script_in_another_directory_imports_from_there(launch, write):
    write("there/neighbour.py", "print('imported', __name__)\n")
    write("there/program.py", "import neighbour\n" + SHOW)
    assert "imported neighbour\n" in launch.same("there/program.py").stdout


def test_script_behind_a_link_imports_from_where_it_is(launch, write, tmp_path):
    write("there/neighbour.py", "print('imported', __name__)\n")
    program = write("there/program.py", "import neighbour\n" + SHOW)
    (tmp_path / "link.py").symlink_to(program)
    assert "imported neighbour\n" in launch.same("link.py").stdout


def test_arguments_are_the_programs(launch, show):
    """Even those that aioxide itself would know."""
    shown = launch.same("show.py", "-h", "--version", "-m", "--", "-", "run")
    assert "['show.py', '-h', '--version', '-m', '--', '-', 'run']" in shown.stdout


def test_two_dashes_end_aioxides_options(launch, show):
    shown = launch.aioxide("--", "show.py", "--", "-h")
    assert "['show.py', '--', '-h']" in shown.stdout


@pytest.mark.parametrize("how", ["file", "module"])
def test_current_directory_is_gone(launch_both, write, tmp_path, how):
    text = "import sys\nprint(sys.path[:2], sys.argv, __file__)"
    script = write("lib/program.py", text)
    run = [script] if how == "file" else ["-m", "program"]
    paths = [str(script.parent), *filter(None, [os.environ.get("PYTHONPATH")])]

    def ended(line):
        gone = tmp_path / "gone"
        gone.mkdir()
        line = ["sh", "-c", 'rm -r "$PWD"; exec "$@"', "sh", *line]
        env = {"PYTHONPATH": os.pathsep.join(paths)}
        return launch_both.finish(launch_both.start(line, env=env, cwd=gone))

    plain, ours = ended(launch_both.plain_line(*run)), ended(launch_both.aioxide_line(*run))
    assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, "", 0)


def test_module_has_pythons_globals(launch_both, write):
    write("package/__init__.py", "")
    write("package/module.py", SHOW)
    shown = launch_both.same("-m", "package.module", "-h", "--", "x")
    assert "__name__ = __main__\n" in shown.stdout
    assert "__package__ = package\n" in shown.stdout
    assert "/package/module.py', '-h', '--', 'x']" in shown.stdout


def test_module_is_joined_to_its_option(launch, write):
    write("module.py", SHOW)
    launch.same("-mmodule", "-m", "x")


def test_package_runs_its_main_module(launch, write):
    write("package/__init__.py", "import sys; print(sys.argv, sys.path[0])")
    write("package/inner/__init__.py", "")
    write("package/inner/__main__.py", "from . import __name__ as name\nprint(name)\n" + SHOW)
    assert "package.inner\n" in launch.same("-m", "package.inner", "x").stdout


def test_module_that_its_package_imported_is_warned_about(launch, write):
    write("package/__init__.py", "from . import module")
    write("package/module.py", "print(__name__)")
    plain = launch.plain("-m", "package.module")
    ours = launch.aioxide("-m", "package.module")
    assert ours.stdout == plain.stdout == "package.module\n__main__\n"
    warning = plain.stderr.partition(": ")[2]
    assert warning.startswith("RuntimeWarning: 'package.module' found in sys.modules")
    assert ours.stderr.partition(": ")[2].startswith(warning)


@pytest.mark.parametrize("name", ["tool", "./tool", "tool/"])
def test_directory_runs_its_main_file(launch, write, name):
    write("tool/__main__.py", "import neighbour\n" + SHOW)
    write("tool/neighbour.py", "")
    launch.same(name, "-x")


def test_zip_file_runs_its_main_file(launch, tmp_path):
    with zipfile.ZipFile(tmp_path / "tool.pyz", "w") as archive:
        archive.writestr("__main__.py", "import neighbour\n" + SHOW)
        archive.writestr("neighbour.py", "print(__name__)")
    assert "neighbour\n" in launch.same("tool.pyz", "-x").stdout


def test_compiled_script_runs(launch, show):
    py_compile.compile(str(show), cfile=str(show.with_suffix(".pyc")), doraise=True)
    launch.same("show.pyc", "x")


def test_standard_input_is_a_program(launch_both):
    shown = launch_both.same("-", "one", "-h", input=SHOW)
    assert "['-', 'one', '-h']" in shown.stdout


def test_source_encoding_is_read(launch, tmp_path):
    (tmp_path / "latin.py").write_bytes(b"# coding: latin-1\nprint(ascii('\xe9'))\n")
    (tmp_path / "mark.py").write_bytes(b"\xef\xbb\xbfprint('\xc3\xa9' == chr(233))\n")
    assert launch.same("latin.py").stdout == "'\\xe9'\n"
    assert launch.same("mark.py").stdout == "True\n"


def test_program_inherits_no_future_and_no_import(launch, write):
    write("program.py", "import sys\ndef f(x: int): pass\nprint(f.__annotations__, dir())")
    launch.same("program.py")


@pytest.mark.parametrize("flags", [["-P"], ["-O"], ["-X", "dev"], ["-u", "-B"]])
def test_pythons_options_hold(launch, show, flags):
    launch.same("show.py", python=flags)


@pytest.mark.parametrize("line", ["tool", "-"])
def test_safe_path_is_kept(launch, write, line):
    write("tool/__main__.py", SHOW)
    launch.same(line, python=["-P"], input=SHOW if line == "-" else "")


def test_safe_path_hides_the_current_directory(launch, write):
    write("module.py", "print('should not be found')")
    ours = launch.aioxide("-m", "module", python=["-P"])
    assert ours.returncode == 2
    assert "there is no module 'module'" in ours.stderr


def test_environment_is_the_programs(launch, write):
    write("program.py", "import os; print(sorted(os.environ.items()))")
    launch.same("program.py", env={"AN_EXAMPLE": "1"})


@pytest.mark.parametrize("line", [["program.py"], ["-m", "program"], ["-"]])
def test_asyncio_runs_on_aioxide(launch, write, line):
    write("program.py", LOOP)
    ours = launch.aioxide(*line, input=LOOP)
    assert ours.stderr == ""
    assert ours.stdout == "aioxide._loop\n" * 3


def test_loop_that_the_program_picks_is_left_alone(launch, write):
    write(
        "program.py",
        """
        import asyncio
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            print(type(runner.get_loop()) is asyncio.SelectorEventLoop)
        """,
    )
    assert launch.aioxide("program.py").stdout == "True\n"


def test_warnings_are_only_the_programs(launch, write):
    write("program.py", "import asyncio\nasync def main(): print('ran')\nasyncio.run(main())\n")
    shown = launch.same("program.py", python=["-W", "error"])
    assert (shown.stdout, shown.returncode) == ("ran\n", 0)


def test_script_that_is_a_fifo_is_read_once(launch, tmp_path):
    """As in ``aioxide run <(generate)``: looking whether it is a zip file must not read it."""
    os.mkfifo(tmp_path / "pipe")
    line = launch.aioxide_line("pipe")
    child = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    with open(tmp_path / "pipe", "w") as pipe:
        pipe.write("print('read from a pipe')")
    out, _ = child.communicate(timeout=30)
    assert (out, child.returncode) == ("read from a pipe\n", 0)


def test_script_that_cannot_be_read_is_an_error(launch, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        directory = os.open(tmp_path, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{directory}/socket.py")  # a short name for a long path
        finally:
            os.close(directory)
        ours = launch.aioxide("socket.py")
    assert ours.returncode == 2
    assert ours.stderr == "aioxide: cannot read 'socket.py': No such device or address\n"
