"""Command lines that cannot be carried out, and what the command says about itself."""

import os
import subprocess
import sys

import pytest

from .outputs import check
from .site import body_of


def error(fetch, *arguments, **options):
    """The sentence of a command line that is wrong; nothing has been made."""
    before = sorted(fetch.folder.rglob("*"))
    done = fetch.run(*arguments, code=2, **options)
    assert done.stdout == ""
    assert sorted(fetch.folder.rglob("*")) == before
    lines = [line for line in done.stderr.splitlines() if not line.startswith("usage: ")]
    assert all(line.startswith("aioxide: ") for line in lines)
    return "\n".join(line.removeprefix("aioxide: ") for line in lines)


URL = "http://127.0.0.1:1/"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "nothing to fetch: give a URL, -i FILE"),
        ([URL], "where to? -o NAME is a folder"),
        ([URL, "-o", "x", "--limt", "3"], "no option --limt. Did you mean '--limit'"),
        ([URL, "-o", "x", "--per_host=3"], "no option --per_host. Did you mean '--per-host'"),
        ([URL, "-O", "x"], "no option -O. Did you mean '-o'?"),
        ([URL, "-o", "x", "--xyzzy"], "no option --xyzzy. aioxide fetch --help lists them"),
        ([URL, "-o", "x", "--limit", "0"], "--limit: a whole number from 1 to 10,000, not '0'"),
        ([URL, "-o", "x", "--limit", "many"], "not 'many'"),
        ([URL, "-o", "x", "--rate", "fast"], "a rate like 5/s, 100/min or 0.5/s, not 'fast'"),
        ([URL, "-o", "x", "--rate", "5/x"], "not '5/x'"),
        ([URL, "-o", "x", "--rate", "0"], "not '0'"),
        ([URL, "-o", "x", "--timeout", "nan"], "not 'nan'"),
        ([URL, "-o", "x", "--timeout", "-1"], "not '-1'"),
        ([URL, "-o", "x", "--max-size", "5T"], "like 500k or 64M, not '5T'"),
        ([URL, "-o", "x", "--max-size", "0"], "not '0'"),
        ([URL, "-o", "x", "-H", "nothing"], "'NAME: VALUE', not 'nothing'"),
        ([URL, "-o", "x", "-H", "A: b\nC: d"], "'NAME: VALUE', not"),
        ([URL, "-o", "x", "-H", "Host: b"], "Host is set for each request"),
        ([URL, "-o", "x", "-H", "Cookie: b"], "--cookie is for that"),
        ([URL, "-o", "x", "--cookie", "b"], "NAME=VALUE, not 'b'"),
        ([URL, "-o", "x", "--proxy", "socks4://h:1"], "socks4: is not supported"),
        ([URL, "-o", "x", "--proxy", "h:1"], "http://HOST:PORT, not 'h:1'"),
        ([__file__, "-o", "x"], "is a file; -i reads the URLs that are in one"),
        ([URL, "-o", f"{__file__}/"], "test_command_line.py is a file, and a folder is wanted"),
        ([URL, "-o", "x.josnl"], "Did you mean '.jsonl'?"),
        ([URL, "-o", "x.txt"], "A file ends in .sqlite,"),
        ([URL, "-o", "no/x.jsonl"], "there is no folder 'no'"),
        ([URL, "-o", "x", "-i", "nope"], "cannot read nope: No such file or directory"),
        ([URL, "-o", "x", "-i", "-", "-i", "-"], "standard input can be read once"),
        ([URL, "-o", "x", "--dask", "a:1", "--processes", "2"], "do not go together"),
        ([URL, "-o", "x", "--dask", "a"], "--dask: tcp://HOST:PORT of a scheduler, not 'a'"),
        ([URL, "-o", "x", "--sitemap", "nope.xml"], "cannot read the sitemap nope.xml: No such"),
        (["example.org/a", "-o", "x"], "'example.org/a' is not a URL to fetch: it has no http://"),
        (["example.org:80/a", "-o", "x"], "it has no http:// or https:// in front"),
        (["ftp://example.org/", "-o", "x"], "ftp: is not http: or https:"),
        (["http://", "-o", "x"], "it names no host"),
        (["http://h:99999/", "-o", "x"], "'http://h:99999/' is not a URL to fetch"),
        (["http://h/a b", "-o", "x"], "it has a space or a control character in it"),
    ],
)
def test_mistakes(fetch, arguments, sentence):
    assert sentence in error(fetch, *arguments)


def test_bad_lines_are_named(fetch, listed):
    path = listed(["http://h/1", "", "# http://h/x", "h/2", "http://h/3", "gopher://h/4"])
    said = error(fetch, "-i", path, "-o", "x").splitlines()
    assert said[0].startswith(f"{path}, line 4: 'h/2' is not a URL to fetch: it has no http://")
    assert said[1].startswith(f"{path}, line 6: 'gopher://h/4' is not a URL to fetch: gopher:")
    assert said[2] == "nothing was fetched; put these right first"


def test_one_bad_line(fetch, listed):
    said = error(fetch, "-i", listed(["h/1"]), "-o", "x").splitlines()
    assert said[1:] == ["nothing was fetched; put this right first"]


def test_close_options_are_told_from_others(fetch):
    """Dashes in front make no two options alike."""
    assert error(fetch, URL, "-o", "x", "--limt", "3").endswith("Did you mean '--limit'?")


@pytest.mark.parametrize("name", ["x.sqlite", "x.warc", "x.jsonl"])
def test_output_of_another_kind(fetch, tmp_path, name):
    (tmp_path / name).write_text("[]\n" * 100)
    assert "choose another output" in error(fetch, URL, "-o", name)


@pytest.mark.parametrize(("asked", "limit"), [(None, None), ("3s", 3.0)])
def test_reports_of_the_loop_are_for_who_asks(fetch, asked, limit):
    """Who uses a tool cannot do anything about them."""
    program = """
import sys
from aioxide import _diagnostics
from aioxide._cli import main
from aioxide.fetch import job
def prepare(options):
    print(_diagnostics.default().blocking)
    sys.exit(0)
job.prepare = prepare
main(["fetch", *sys.argv[1:]])
"""
    fetch.line = lambda *arguments: [sys.executable, "-c", program, *arguments]
    fetch.environment.pop("AIOXIDE_BLOCKING", None)
    if asked is not None:
        fetch.environment["AIOXIDE_BLOCKING"] = asked
    assert fetch.run(URL, "-o", "x").stdout == f"{limit}\n"


def test_setting_that_means_nothing(fetch):
    fetch.environment["AIOXIDE_BLOCKING"] = "soon"
    assert "AIOXIDE_BLOCKING: 'soon' is no duration" in error(fetch, URL, "-o", "x")


def test_many_bad_lines_are_counted(fetch, listed):
    said = error(fetch, "-i", listed(["bad"] * 1000), "-o", "x").splitlines()
    assert len(said) == 7
    assert said[5] == "and 995 more"


def test_list_that_is_no_text(fetch, tmp_path):
    (tmp_path / "list").write_bytes(b"\xff\xfe\x00")
    assert "is no text in UTF-8" in error(fetch, "-i", "list", "-o", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_that_is_not_writable(fetch, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "Permission denied" in error(fetch, URL, "-o", "closed/x.jsonl")


def test_output_that_cannot_be_made(fetch):
    assert "cannot write /proc/x.jsonl: " in error(fetch, URL, "-o", "/proc/x.jsonl")
    assert "cannot write /proc/x: " in error(fetch, URL, "-o", "/proc/x/")


def test_file_of_the_failed_that_cannot_be_written(fetch, tmp_path):
    done = fetch.run(URL, "-o", "x.jsonl", "--failed", "no/such", code=3)
    assert "cannot write no/such: No such file or directory" in done.stderr


def test_standard_input(site, fetch, tmp_path):
    urls = site.pages([1, 2])
    done = fetch.run("-i", "-", "-o", "out.jsonl", input="\ufeff" + "\r\n".join([*urls, urls[0]]))
    assert "1 URL given more than once" in done.stderr
    check(tmp_path / "out.jsonl", {url: body_of(number) for number, url in enumerate(urls, 1)})


def test_urls_that_are_the_same(site, fetch, tmp_path):
    host = site.url.partition("//")[2]
    same = [f"http://{host}/page/1", f"HTTP://{host}/page/1#part", f"http://{host}/x/../page/1"]
    done = fetch.run(*same, "-o", "out.jsonl")
    assert "2 URLs given more than once" in done.stderr
    assert site.pages_asked() == 1
    fetch.run(same[1], "-o", "out.jsonl")
    assert site.pages_asked() == 1
    check(tmp_path / "out.jsonl", {same[0]: body_of(1)})


def test_options_among_urls(site, fetch, tmp_path):
    first, second = site.pages([1, 2])
    fetch.run(first, "-o", "out.jsonl", second)
    check(tmp_path / "out.jsonl", {first: body_of(1), second: body_of(2)})


def test_quiet(site, fetch):
    done = fetch.run(*site.pages([1]), "-o", "out.jsonl", "-q")
    assert done.stderr == ""
    assert done.stdout.startswith("fetched 1 of 1 in ")


def test_help_on_a_narrow_terminal(fetch):
    fetch.environment["COLUMNS"] = "44"
    lines = fetch.run("--help").stdout.splitlines()
    # Lines of the usage are argparse's own.
    assert max(len(line) for line in lines[1:] if "http" not in line) <= 44
    where = lines.index("  -o NAME.sqlite   an SQLite database with")
    assert lines[where + 1].lstrip(" ") == "a table `pages`"
    assert lines[where + 1].index("a") == lines[where].index("an")
    # Sentences are set anew, and not each line of a wide terminal.
    assert "The output is its own journal: when a run" in lines


def test_help_fits_the_terminal(fetch):
    shown = fetch.run("--help")
    assert shown.stderr == ""
    lines = shown.stdout.splitlines()
    assert lines[0] == "usage: aioxide fetch [OPTIONS] -o OUTPUT [URL ...]"
    assert max(map(len, lines)) <= 80
    assert shown.stdout.isprintable() or shown.stdout.replace("\n", "").isprintable()
    for code in ("0 ", "1 ", "2 ", "3 ", "130 "):
        assert f"\n  {code}" in shown.stdout


@pytest.mark.parametrize("line", ["import aioxide", "from aioxide._cli import Run, Fetch"])
def test_nobody_else_loads_it(line):
    """Neither the loop nor `aioxide run` waits for the client, the stores or a parser of XML."""
    program = f"""
{line}
import sys
loaded = [
    name for name in sys.modules
    if name.startswith(("aioxide.fetch.", "aioxide.http", "yarl", "sqlite3", "xml", "rich"))
]
print(sorted(loaded))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    allowed = [] if "_cli" not in line else ["aioxide.fetch.command", "aioxide.fetch.values"]
    assert done.stdout == f"{allowed}\n", done.stderr
