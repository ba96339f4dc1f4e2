"""How a rate is written: "100/min", (100, 60), or a number a second."""

from __future__ import annotations

import math
import re
from typing import TypeAlias

__all__ = ["RateLike", "parse_rate"]

RateLike: TypeAlias = "str | float | tuple[float, float]"

_TEXT = re.compile(r"\s*([\d_.]+)\s*(?:/|per\s)\s*([\d_.]*)\s*([a-z]+)\s*", re.IGNORECASE)
_UNITS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_MOST = 2**32 - 1


def parse_rate(rate: RateLike) -> tuple[int, float]:
    """How many calls in how many seconds.

    A rate that is no whole number becomes one call in a time. Raises ValueError for what is no
    rate, TypeError for what is none of the three kinds.
    """
    if isinstance(rate, str):
        count, interval = _parse_text(rate)
    elif isinstance(rate, tuple):
        if len(rate) != 2:
            raise ValueError(f"rate {rate!r}: a tuple is (calls, seconds)")
        count, interval = rate
    elif isinstance(rate, (int, float)):
        count, interval = rate, 1.0
    else:
        raise TypeError(
            f"rate is {type(rate).__name__}; "
            'it is written as "100/min", (100, 60), or a number a second'
        )
    if not (count > 0 and interval > 0 and math.isfinite(count) and math.isfinite(interval)):
        raise ValueError(f"rate {rate!r}: calls and seconds are numbers above 0")
    if count != int(count):
        count, interval = 1, interval / count
    if count > _MOST:
        raise ValueError(f"rate {rate!r}: more than {_MOST:,} calls in an interval")
    return int(count), interval


def _parse_text(text: str) -> tuple[float, float]:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f'rate {text!r}: it is written like "10/s", "100/min" or "500/10s"')
    count, times, unit = match.groups()
    if unit.lower() not in _UNITS:
        raise ValueError(f"rate {text!r}: the unit {unit!r} is none of ms, s, min, h, day")
    try:
        return float(count), float(times or 1) * _UNITS[unit.lower()]
    except ValueError:
        raise ValueError(f"rate {text!r}: its numbers are none") from None
