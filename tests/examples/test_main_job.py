"""The main job at work: tables, picture, counts, and what it says when it cannot work."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from urllib.parse import urlsplit

import pytest

from .conftest import SCRAPER


def row(output, label):
    """The cells of the table line that begins with this label."""
    lines = [line.strip() for line in output.splitlines() if line.strip().startswith(label)]
    tables = [re.split(r"\s{2,}", line) for line in lines if ":" not in line]
    assert len(tables) == 1, output
    return tables[0]


def start_site(site_program, *options):
    process = subprocess.Popen(
        [site_program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().split()[-1] + "/"


def end_site(process):
    process.stdin.close()
    process.stdout.close()
    assert process.wait(timeout=10) == 0


def site_stats(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", "/stats", headers={"Connection": "close"})
    stats = json.loads(connection.getresponse().read())
    connection.close()
    return stats


def is_running(pid):
    """Whether the process still runs; one that only has not been waited for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


CLIENTS = ("threads + requests", "asyncio + aiohttp", "aioxide + aiohttp", "aioxide.http")


def test_four_clients_fetch_every_notice_and_the_unthrottled_run_fails(run_scraper, tmp_path):
    done = run_scraper("--notices", "20", "--limit", "5", "--rounds", "2", "--passes", "1")
    assert done.stderr == ""
    assert done.returncode == 0
    for client in CLIENTS:
        cells = row(done.stdout, client)
        assert cells[1] == "40"
        assert all(float(cell.replace(",", "")) > 0 for cell in cells[1:9]), cells
        assert cells[9] == "none"
        assert done.stdout.count(f"{client}: 20 pages in ") == 2
    assert "checked: the site, too, counted 160 notices" in done.stdout
    assert "share of pages that came within this time" in done.stdout
    assert re.search("[\u2801-\u28ff]{3}", done.stdout), "a curve"

    # One worker serves five pages in the time limit, twelve connections are taken: five fetched,
    # seven timeouts, eight refused, give or take one where the machine is slow to connect.
    fetched, timeouts, refused, other = map(int, row(done.stdout, "all at once")[1:5])
    assert fetched + timeouts + refused == 20
    assert abs(fetched - 5) <= 1
    assert abs(timeouts - 7) <= 2
    assert abs(refused - 8) <= 1
    assert other == 0
    for label in ("1 at a time", "amap(limit=1)"):
        assert row(done.stdout, label)[1:5] == ["20", "0", "0", "0"]
    assert int(row(done.stdout, "amap, all at once")[1]) < 20
    cost = f"It cost {20 - fetched} of 20 pages: {timeouts} timeouts, {refused} refused."
    assert cost in done.stdout

    picture = ET.parse(tmp_path / "out" / "scraper.svg").getroot()
    namespace = {"svg": "http://www.w3.org/2000/svg"}
    texts = {element.text for element in picture.findall("svg:text", namespace)}
    assert set(CLIENTS) <= texts
    assert len(picture.findall("svg:polyline", namespace)) == 4


def test_a_site_by_url_is_asked_for_what_was_asked(run_scraper, site_program):
    site, url = start_site(site_program, "--notices", "30")
    try:
        done = run_scraper("--url", url.rstrip("/"), "--notices", "7", "--only", "aioxide")
        stats = site_stats(url)
    finally:
        end_site(site)
    assert done.stderr == ""
    assert done.returncode == 0
    assert row(done.stdout, "aioxide + aiohttp")[1] == "7"
    assert "Unthrottled" not in done.stdout
    assert stats["notices"] == 7
    # The index has a connection of its own, and this question another.
    assert stats["peak"] <= 1 + 4
    assert stats["accepted"] <= 2 + 4


def test_errors_of_a_site_are_counted_by_kind(run_scraper, site_program):
    site, url = start_site(site_program, "--notices", "6", "--request-timeout", "5")
    site_slow, url_slow = start_site(
        site_program,
        "--notices",
        "6",
        "--latency",
        "30",
        "--workers",
        "1",
        "--request-timeout",
        "40",
    )
    try:
        good = run_scraper("--url", url, "--only", "threads", "--latency", "5")
        bad = run_scraper("--url", url_slow, "--only", "threads", "--limit", "6")
        stats = site_stats(url_slow)
    finally:
        end_site(site)
        end_site(site_slow)
    assert good.returncode == 2
    assert "--latency is for the embedded site" in good.stderr
    cells = row(bad.stdout, "threads + requests")
    assert int(cells[1]) == stats["notices"] >= 1
    assert cells[9] == f"{stats['timed_out']} timeouts"
    assert stats["timed_out"] == 6 - stats["notices"] >= 1


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--url", "htp://x/"], 2, "'htp://x/' is not the URL of a web page"),
        (["--url", "http://"], 2, "it names no host"),
        (["--url", "http://[::1/"], 2, "is not a URL"),
        (["--url", "http://127.0.0.1:99999/"], 2, "is not a URL"),
        (["--notices", "0"], 2, "--notices wants a number from 1 to 5,000, not 0"),
        (["--limit", "-1"], 2, "--limit wants a number from 1 to 1,000, not -1"),
        (["--only", "twisted"], 2, "invalid choice: 'twisted'"),
    ],
)
def test_a_wrong_option_is_explained(run_scraper, arguments, code, sentence):
    done = run_scraper(*arguments)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_site_that_is_not_there_is_explained(run_scraper):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        done = run_scraper("--url", url, "--only", "threads")
    assert done.returncode == 1
    assert done.stderr == f"scraper: cannot reach {url}: Connection refused\n"


def test_a_page_that_is_not_an_index_is_explained(run_scraper, site_program):
    site, url = start_site(site_program, "--notices", "1")
    try:
        missing = run_scraper("--url", f"{url}nothing", "--only", "threads")
        stats = run_scraper("--url", f"{url}stats", "--only", "threads")
    finally:
        end_site(site)
    assert (missing.returncode, stats.returncode) == (1, 1)
    assert missing.stderr == f"scraper: {url}nothing answers 404 Not Found\n"
    assert "links no page of its own site" in stats.stderr


def test_a_site_program_that_is_missing_is_explained(run_scraper):
    done = run_scraper("--only", "threads", AIOXIDE_SITE="/nowhere/aioxide-site")
    assert done.returncode == 1
    assert done.stderr == (
        "scraper: AIOXIDE_SITE names /nowhere/aioxide-site, which is not a program\n"
    )


def test_a_site_program_that_fails_is_explained(run_scraper):
    done = run_scraper("--only", "threads", AIOXIDE_SITE=sys.executable)
    assert done.returncode == 1
    assert done.stderr.startswith("scraper: the site did not start: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_says_what_was_done_and_leaves_nobody_behind(environment, tmp_path, number):
    arguments = ["--notices", "10", "--rounds", "100", "--passes", "1", "--only", "aioxide"]
    process = subprocess.Popen(
        [sys.executable, str(SCRAPER), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines[1].startswith("aioxide + aiohttp: 10 pages in "), lines
        family = children(process.pid)
        assert family, "the site is a child"
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    told = re.fullmatch(r"scraper: stopped; rounds done: aioxide \+ aiohttp (\d+)\n", errors)
    assert told, errors
    assert row(output, "aioxide + aiohttp")[1] == f"{10 * int(told[1]):,}"
    assert not [pid for pid in family if is_running(pid)]


def test_a_killed_main_job_leaves_nobody_behind(environment, tmp_path):
    process = subprocess.Popen(
        [sys.executable, str(SCRAPER), "--notices", "10", "--rounds", "100", "--only", "asyncio"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    watched = []
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines[1].startswith("asyncio + aiohttp: "), lines
        for pid in children(process.pid):
            # A client may have ended between the two calls, and that is what is wanted.
            with contextlib.suppress(ProcessLookupError):
                watched.append(os.pidfd_open(pid))
        process.kill()
        process.wait()
        assert watched, "the site is a child"
        for descriptor in watched:
            ready, _, _ = select.select([descriptor], [], [], 20)
            assert ready, "a child outlived the main job"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        for descriptor in watched:
            os.close(descriptor)
