"""Command lines that cannot be carried out: status 2, and a sentence that helps."""

import subprocess

import pytest


def error(launch, *arguments):
    """The sentence of a command line that fails before anything runs."""
    ran = launch.cli(*arguments)
    assert ran.returncode == 2
    assert ran.stdout == ""
    *usage, sentence = ran.stderr.splitlines()
    assert all(line.startswith(("usage: aioxide", " ")) for line in usage)
    assert "Traceback" not in ran.stderr
    program, _, sentence = sentence.partition(": ")
    assert program == "aioxide"
    return sentence


@pytest.fixture
def script(write):
    return write("script.py", "print('ran')")


def test_missing_file(launch_both):
    assert error(launch_both, "run", "script.py") == "there is no file 'script.py'"


@pytest.mark.parametrize("typo", ["scrpt.py", "script", "Script.py", "script.pyy"])
def test_misspelt_file(launch, script, typo):
    assert error(launch, "run", typo) == f"there is no file '{typo}'. Did you mean 'script.py'?"


def test_misspelt_file_in_a_directory(launch, write):
    write("tools/fetch/__main__.py", "")
    write("tools/fetched.txt", "")
    sentence = "there is no file 'tools/fetc'. Did you mean 'tools/fetch'?"
    assert error(launch, "run", "tools/fetc") == sentence


def test_missing_directory(launch):
    sentence = "there is no file 'nowhere/script.py'. There is no directory 'nowhere'."
    assert error(launch, "run", "nowhere/script.py") == sentence


def test_unlike_files_are_not_suggested(launch, script):
    assert error(launch, "run", "server.py") == "there is no file 'server.py'"


def test_module_given_as_a_file(launch):
    sentence = "there is no file 'timeit'. There is a module of that name: aioxide run -m timeit"
    assert error(launch, "run", "timeit") == sentence


def test_directory_without_a_main_file(launch, tmp_path):
    (tmp_path / "empty").mkdir()
    assert error(launch, "run", "empty") == "'empty' has no __main__.py to run"


def test_missing_module(launch):
    assert error(launch, "run", "-m", "no_such_thing") == "there is no module 'no_such_thing'"


def test_misspelt_module(launch, script):
    sentence = "there is no module 'scrip'. Did you mean 'script'?"
    assert error(launch, "run", "-m", "scrip") == sentence


def test_misspelt_module_in_a_package(launch):
    sentence = "there is no module 'json.tol'. Did you mean 'json.tool'?"
    assert error(launch, "run", "-m", "json.tol") == sentence


def test_misspelt_package(launch):
    sentence = "there is no module 'jsn.tool': no 'jsn'. Did you mean 'json'?"
    assert error(launch, "run", "-m", "jsn.tool") == sentence


def test_file_given_as_a_module(launch, script):
    """Nothing of it runs."""
    sentence = "'script.py' is a file, not a module. To run that file: aioxide run script.py"
    assert error(launch, "run", "-m", "script.py") == sentence


def test_module_name_with_an_ending(launch):
    sentence = error(launch, "run", "-m", "timeit.py")
    assert sentence.startswith("there is no module 'timeit.py'")
    assert sentence.endswith("A module's name has no .py: aioxide run -m timeit")


def test_relative_module(launch):
    sentence = "'.script' is a relative module name; give the full one"
    assert error(launch, "run", "-m", ".script") == sentence


def test_package_without_a_main_module(launch, write, tmp_path):
    write("package/__init__.py", "")
    (tmp_path / "namespace").mkdir()
    for name in ("package", "namespace"):
        sentence = f"'{name}' is a package without a __main__ module to run"
        assert error(launch, "run", "-m", name) == sentence


def test_builtin_module(launch):
    assert error(launch, "run", "-m", "sys") == "'sys' has no Python code to run"


def test_option_m_without_a_name(launch):
    assert error(launch, "run", "-m") == "-m needs the name of a module"


def test_nothing_to_run(launch):
    sentence = "nothing to run: give a FILE, -m MODULE, or - for standard input"
    assert error(launch, "run") == sentence


def test_file_in_the_place_of_a_value(launch, script):
    sentence = "--blocking: 'script.py' is no duration; say 50ms, 0.5s, 2 (seconds) or off"
    assert error(launch, "run", "--blocking", "script.py") == sentence


def test_misspelt_variable(launch, write):
    """It is no error: it may be the program's own."""
    line = launch.aioxide_line(write("program.py", "print('runs')"))
    ended = launch.finish(
        launch.start(line, env={"AIOXIDE_BLOKING": "50ms", "AIOXIDE_OTHER": "1", "AIOXIDE": "1"})
    )
    sentence = "there is no variable AIOXIDE_BLOKING. Did you mean 'AIOXIDE_BLOCKING'?"
    assert (ended.returncode, ended.stdout) == (0, "runs\n")
    assert ended.stderr == f"aioxide: {sentence}\n"


def test_option_of_python(launch, script):
    sentence = "there is no option -X. Python has one: python -X ... -m aioxide run ..."
    assert error(launch, "run", "-X", "dev", "script.py") == sentence
    sentence = "there is no option -c. aioxide run - reads a program from standard input"
    assert error(launch, "run", "-c", "print(1)") == sentence


def test_unknown_option(launch, script):
    sentence = "there is no option --loop. aioxide run --help lists them"
    assert error(launch, "run", "--loop=uvloop", "script.py") == sentence


@pytest.mark.parametrize("typo", ["--blcking", "--Blocking", "--blockin=50ms"])
def test_misspelt_option(launch, script, typo):
    option = typo.partition("=")[0]
    sentence = f"there is no option {option}. Did you mean '--blocking'?"
    assert error(launch, "run", typo, "script.py") == sentence


def test_misspelt_option_of_the_command(launch):
    sentence = "there is no option --verison. Did you mean '--version'?"
    assert error(launch, "--verison") == sentence


def test_a_url_is_no_command(launch):
    sentence = (
        "'https://example.org/' is not a command; to fetch that URL: "
        "aioxide fetch https://example.org/ -o FOLDER"
    )
    assert error(launch, "https://example.org/") == sentence


def test_help_is_an_option(launch):
    sentence = "there is no command 'help'. aioxide --help, or aioxide COMMAND --help"
    assert error(launch, "help") == sentence


def test_misspelt_command(launch):
    assert error(launch, "rum", "script.py") == "there is no command 'rum'. Did you mean 'run'?"


def test_unknown_command(launch):
    assert error(launch, "serve") == "there is no command 'serve'. The commands: run, fetch"


def test_forgotten_command(launch, script):
    sentence = "'script.py' is not a command; to run that program: aioxide run script.py"
    assert error(launch, "script.py", "x") == sentence


def test_unknown_option_of_the_command(launch):
    assert error(launch, "--verbose") == "there is no option --verbose. aioxide --help lists them"


def test_closed_standard_input(launch):
    ours = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *launch.aioxide_line("-")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ours.returncode == 2
    assert ours.stderr == "aioxide: standard input is closed: there is no program in it\n"
