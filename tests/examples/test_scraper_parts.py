"""The parts of the main job that decide what it shows."""

import errno
import io

import pytest

pytestmark = pytest.mark.usefixtures("scraper_modules")


def test_percentiles_are_values_that_were_measured():
    from outcome import percentile

    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0
    assert percentile([2.0, 1.0], 0.5) == 1.0


def test_errors_are_told_apart_through_what_wraps_them():
    import aiohttp
    import outcome
    import requests
    from urllib3.exceptions import NewConnectionError, ProtocolError

    def wrapped(inner):
        try:
            try:
                raise inner
            except type(inner) as error:
                raise RuntimeError("outer") from error
        except RuntimeError as error:
            return error

    reset = ConnectionResetError(errno.ECONNRESET, "reset")
    kinds = {
        outcome.REFUSED: [
            ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
            wrapped(reset),
            requests.ConnectionError(ProtocolError("aborted", reset)),
            aiohttp.ServerDisconnectedError(),
            requests.ConnectionError(NewConnectionError(None, "x")),
        ],
        outcome.TIMEOUT: [
            TimeoutError(),
            requests.ReadTimeout(),
            requests.ConnectTimeout(),
            aiohttp.ServerTimeoutError(),
            outcome.BadStatus(504),
        ],
        outcome.FILES: [OSError(errno.EMFILE, "too many"), wrapped(OSError(errno.ENFILE, "many"))],
        outcome.STATUS: [outcome.BadStatus(404), outcome.BadStatus(500)],
        outcome.OTHER: [ValueError("x"), wrapped(ValueError("y"))],
    }
    for kind, errors in kinds.items():
        assert {outcome.kind_of(error) for error in errors} == {kind}


def test_an_outcome_survives_its_way_from_the_child():
    import json

    from outcome import REFUSED, BadStatus, Outcome

    outcome = Outcome(wall=1.5, cpu=0.25)
    outcome.count_page(20_000, 0.01)
    outcome.count_error(ConnectionResetError(errno.ECONNRESET, "reset"))
    outcome.count_error(BadStatus(404))
    again = Outcome.from_json(json.loads(json.dumps(outcome.to_json())))
    assert again == outcome
    assert (again.failed, again.errors[REFUSED]) == (2, 1)


def test_links_are_of_the_same_site_and_each_once():
    from site_index import _Links

    parser = _Links("http://a/x/")
    parser.feed(
        '<a href="1"><a href="/x/1#top"><a href="http://b/2"><a href="http://a/3?q=1">'
        '<a name="n"><a href=""><img href="4"><a href="mailto:me"><a href="http://[bad/">'
    )
    assert parser.links == ["http://a/x/1", "http://a/3?q=1"]


def test_a_url_gets_a_path():
    from site_index import UrlError, check_url, is_loopback

    assert check_url("http://example.org") == "http://example.org/"
    assert check_url("https://example.org/a?b") == "https://example.org/a?b"
    for wrong in ("example.org", "ftp://example.org/", "http:///a", "http://a b/", "http://a:b/"):
        with pytest.raises(UrlError):
            check_url(wrong)
    assert is_loopback("http://127.0.0.1:80/")
    assert not is_loopback("http://example.org/")


def test_the_table_fits_a_terminal():
    from outcome import Outcome
    from report import clients_table
    from rich.console import Console
    from summary import Summary

    outcome = Outcome(latencies=[0.0934] * 3_600, size=10**9, wall=1.9, cpu=2.5)
    summary = Summary("threads + requests", [outcome])
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(clients_table({"threads": summary}))
    shown = console.export_text()
    assert "errors" in shown
    assert "…" not in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80


def test_the_time_of_a_quick_client_is_not_shown_as_none():
    from report import cpu_seconds

    assert [cpu_seconds(value) for value in (0.0039, 0.0949, 0.1, 2.5)] == [
        "0.004",
        "0.095",
        "0.10",
        "2.50",
    ]


def test_curves_rise_from_nothing_to_all():
    from curves import HEIGHT, TimeAxis, draw

    lines = draw([("one", "red", [0.01, 0.02, 0.04]), ("none", "blue", [])]).plain.splitlines()
    rows = lines[1 : HEIGHT + 1]
    dots = [[character != "\u2800" for character in line.split("▕")[1]] for line in rows]
    assert any(dots[0])
    assert dots[0][-1], "all have come at the right edge"
    assert dots[-1][0], "none has come at the left edge"
    first = [line.index(True) for line in dots if any(line)]
    assert first == sorted(first, reverse=True)
    assert "none" not in lines[-1]
    assert "no page" in draw([("none", "blue", [])]).plain

    labels = ["threads + requests", "asyncio + aiohttp", "aioxide + aiohttp", "aioxide.http"]
    for width in (50, 80):
        shown = draw([(label, "red", [0.01, 0.9]) for label in labels], width).plain
        assert max(map(len, shown.splitlines())) <= width
        # Each stands on one line with the sample of its colour.
        assert all(f"━━ {label}" in shown for label in labels)

    axis = TimeAxis([0.001, 0.1])
    for latency in (0.001, 0.01, 0.1):
        assert 0 < axis.place(latency) < 1
        assert axis.latency(axis.place(latency)) == pytest.approx(latency)
    # One latency alone still makes an axis.
    assert 0 < TimeAxis([0.005]).place(0.005) < 1
