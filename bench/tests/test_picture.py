from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from bench import forms
from bench.picture import LINE_HEIGHT, STYLES, Axis, Line, Panel, draw, spread
from bench.stats import Summary

SPACE = "{http://www.w3.org/2000/svg}"


def summary(median: float) -> Summary:
    return Summary(median, median * 0.9, median * 1.1, 3)


PANEL = Panel(
    "Waiting <here>",
    "Seconds",
    [
        Line("threads", {1: summary(0.05), 10: summary(0.06)}),
        Line("aioxide + threads", {10: summary(0.06)}),
        Line("asyncio", {}),
    ],
    0.001,
)


def test_every_form_has_a_style() -> None:
    assert set(STYLES) == set(forms.FORMS)


def test_a_picture_names_its_lines_axes_and_units() -> None:
    root = ElementTree.fromstring(draw("How long", "on a machine", [PANEL, PANEL, PANEL]))
    texts = [text.text for text in root.iter(f"{SPACE}text")]
    for told in ("How long", "on a machine", "Waiting <here>", "Seconds", "1", "10"):
        assert told in texts
    assert texts.count("threads") == texts.count("jobs at the same time") == 3
    # What has no points has no name either.
    assert "asyncio" not in texts
    assert len(list(root.iter(f"{SPACE}circle"))) == 3 * 3
    assert "prefers-color-scheme:dark" in "".join(root.itertext())


def test_all_of_a_picture_lies_within_it() -> None:
    root = ElementTree.fromstring(draw("How long", "on a machine", [PANEL]))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for circle in root.iter(f"{SPACE}circle"):
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


def test_more_is_higher_on_an_axis() -> None:
    axis = Axis([0.05, 5.0], 0.001)
    assert 0 < axis.place(0.05) < axis.place(0.5) < axis.place(5.0) < 1
    assert axis.place(0.5) - axis.place(0.05) == pytest.approx(axis.place(5) - axis.place(0.5))
    assert axis.marks() == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2, 5])


def test_a_long_axis_has_marks_at_powers_of_ten_only() -> None:
    assert Axis([0.002, 30.0], 0.001).marks() == pytest.approx([0.01, 0.1, 1, 10])


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [3.0], [1e-9, 0.5]])
def test_nothing_and_equal_values_have_an_axis(values: list[float]) -> None:
    axis = Axis(values, 1.0)
    assert all(0 <= axis.place(value) <= 1 for value in values)
    assert all(mark >= 1 for mark in axis.marks())


def test_names_keep_their_order_and_distance() -> None:
    wanted = {"a": 100.0, "b": 101.0, "c": 102.0, "d": 200.0, "e": 299.0, "f": 300.0}
    places = spread(wanted, 50, 300)
    ordered = [places[name] for name in "abcdef"]
    assert all(low + LINE_HEIGHT <= high for low, high in pairwise(ordered))
    assert places["b"] == pytest.approx(101)
    assert places["d"] == 200
    assert max(ordered) <= 300
    assert spread({}, 0, 1) == {}


def test_groups_that_meet_become_one() -> None:
    places = spread({"a": 100.0, "b": 100.0, "c": 120.0, "d": 121.0}, 0, 300)
    ordered = sorted(places.values())
    assert all(low + LINE_HEIGHT <= high for low, high in pairwise(ordered))
    assert sum(ordered) / 4 == pytest.approx(110.25)
