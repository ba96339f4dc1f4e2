"""`Diagnostics`: what the loop tells of a program, and where that is set.

What is said first holds: the parameter `diagnostics` of `run`, `Runner` and `new_event_loop`; the
options of ``aioxide run``; the environment; the defaults below.

A loop asks once, when it is made.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Mapping

__all__ = [
    "GRACE",
    "Diagnostics",
    "default",
    "own_time",
    "parse_duration",
    "set_default",
    "settings",
]

GRACE = 0.05
"""For how long, in seconds, an exception may stay unretrieved before it counts as lost."""
PREFIX = "AIOXIDE_"
"""How the names of the environment's variables begin."""
FRAMES = f"{PREFIX}FRAMES"
"""The variable that says how stacks are read; no option says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """What an aioxide loop reports.

    - blocking: what keeps the loop from running for so many seconds, while it does; None for
      nothing;
    - blocking_action: "report", or a function that is called with the report's fields when the loop
      is free again, in the place of a report;
    - never_awaited: in the warning that a coroutine was never awaited, in which task that was;
    - origins: remember of every coroutine where it was created, for that warning. Costs each about
      as much as another call;
    - lost_exceptions: a task that failed, when nobody has asked for its exception for so many
      seconds; True is 0.05, False for never;
    - pending: the tasks that the end of a run cancels;
    - unstarted: at the end of a run, coroutines that were never started. Looks at every object that
      the garbage collector knows;
    - cancel_notes: in a CancelledError, a note that says who has cancelled, and why;
    - output: reports on stderr are "text" for people, or "json", one object a line.

    Reports never change what a program does. `Diagnostics.off()` reports nothing,
    `Diagnostics.from_environment()` is what a loop takes that is told nothing else.

    Raises TypeError or ValueError for what cannot be meant.
    """

    blocking: float | None = 0.25
    blocking_action: Literal["report"] | Callable[[Mapping[str, Any]], object] = "report"
    never_awaited: bool = True
    origins: bool = False
    lost_exceptions: bool | float = True
    pending: bool = True
    unstarted: bool = False
    cancel_notes: bool = True
    output: Literal["text", "json"] = "text"

    def __post_init__(self) -> None:
        _check_duration("blocking", self.blocking, none=True)
        _check_duration("lost_exceptions", self.lost_exceptions, boolean=True)
        if self.blocking_action != "report" and not callable(self.blocking_action):
            raise TypeError(
                f"blocking_action must be 'report' or a callable, not {self.blocking_action!r}"
            )
        if self.output not in ("text", "json"):
            raise ValueError(f"output must be 'text' or 'json', not {self.output!r}")
        for name in ("never_awaited", "origins", "pending", "unstarted", "cancel_notes"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False, not {value!r}")

    @property
    def grace(self) -> float | None:
        """`lost_exceptions` in seconds; None when they are not reported."""
        if self.lost_exceptions is False:
            return None
        return GRACE if self.lost_exceptions is True else float(self.lost_exceptions)

    @classmethod
    def off(cls) -> Diagnostics:
        """Nothing is reported."""
        return cls(
            blocking=None,
            never_awaited=False,
            lost_exceptions=False,
            pending=False,
            cancel_notes=False,
        )

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, base: Diagnostics | None = None
    ) -> Diagnostics:
        """The defaults, or `base`, with what the AIOXIDE_... variables say.

        Raises ValueError for a value that means nothing; it names the variable.
        """
        chosen = cls() if base is None else base
        for name, setting in settings.items():
            variable = f"{PREFIX}{name.upper()}"
            text = environment.get(variable)
            if text:
                try:
                    chosen = setting(chosen, text)
                except ValueError as error:
                    raise ValueError(f"{variable}: {error}") from None
        # Read by the native module, which cannot say what is wrong as early.
        if (frames := environment.get(FRAMES, "")) not in ("", "gil"):
            raise ValueError(f"{FRAMES}: {frames!r} is not gil, which is all that it may be")
        return chosen


def parse_duration(text: str) -> float:
    """Seconds, from "50ms", "0.5s" or "2".

    Raises ValueError for anything else.
    """
    number, scale = text.strip(), 1.0
    for unit, factor in (("ms", 1e-3), ("us", 1e-6), ("s", 1.0)):
        if number.endswith(unit):
            number, scale = number[: -len(unit)].rstrip(), factor
            break
    try:
        seconds = float(number) * scale
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{text!r} is no duration; say 50ms, 0.5s or 2 (seconds)")
    return seconds


def own_time(report: Mapping[str, Any]) -> float:
    """For how many seconds a loop was blocked, less what it has waited for a processor."""
    blocked: float = report["blocked_for"]
    return blocked - (report["waited_for_processor"] or 0.0)


made: weakref.WeakSet[Any] | None = None
"""The loops that were made, for whoever puts a set here."""

_default: Diagnostics | None = None


def default() -> Diagnostics:
    """What a loop takes that is told nothing else.

    Raises ValueError where the environment says what means nothing.
    """
    return Diagnostics.from_environment() if _default is None else _default


def set_default(diagnostics: Diagnostics | None) -> None:
    """Use these from now on, for loops that are told nothing else; None asks the environment."""
    global _default
    _default = diagnostics


# Words for settings: the variables of the environment, and the options of `aioxide run`.


def _switch(text: str) -> bool | None:
    """What "on" and "off" and their like say; None for another word."""
    word = text.strip().lower()
    if word in ("on", "1", "yes", "true"):
        return True
    if word in ("off", "0", "no", "false"):
        return False
    return None


def _set_all(chosen: Diagnostics, text: str) -> Diagnostics:
    word = text.strip().lower()
    if word == "text":
        return replace(chosen, output="text")
    if word == "json":
        return replace(chosen, output="json")
    switch = _switch(word)
    if switch is None:
        raise ValueError(f"{text!r} is none of on, off, text, json")
    return chosen if switch else replace(Diagnostics.off(), output=chosen.output)


def _set_blocking(chosen: Diagnostics, text: str) -> Diagnostics:
    switch = _switch(text) if text.strip() != "1" else None
    if switch is None:
        return replace(chosen, blocking=_duration_or_off(text))
    return replace(chosen, blocking=Diagnostics().blocking if switch else None)


def _set_lost_exceptions(chosen: Diagnostics, text: str) -> Diagnostics:
    switch = _switch(text) if text.strip() != "1" else None
    return replace(chosen, lost_exceptions=_duration_or_off(text) if switch is None else switch)


def _set_never_awaited(chosen: Diagnostics, text: str) -> Diagnostics:
    if text.strip().lower() == "origins":
        return replace(chosen, never_awaited=True, origins=True)
    switch = _switch(text)
    if switch is None:
        raise ValueError(f"{text!r} is none of on, off, origins")
    return replace(chosen, never_awaited=switch, origins=False)


def _set_leaks(chosen: Diagnostics, text: str) -> Diagnostics:
    word = text.strip().lower()
    if word == "pending":
        return replace(chosen, pending=True, unstarted=False)
    switch = True if word == "all" else _switch(word)
    if switch is None:
        raise ValueError(f"{text!r} is none of off, pending, all")
    return replace(chosen, pending=switch, unstarted=switch)


def _set_cancel_notes(chosen: Diagnostics, text: str) -> Diagnostics:
    switch = _switch(text)
    if switch is None:
        raise ValueError(f"{text!r} is neither on nor off")
    return replace(chosen, cancel_notes=switch)


def _duration_or_off(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        raise ValueError(f"{text!r} is no duration; say 50ms, 0.5s, 2 (seconds) or off") from None


settings: dict[str, Callable[[Diagnostics, str], Diagnostics]] = {
    # First: it sets all others.
    "diagnostics": _set_all,
    "blocking": _set_blocking,
    "never_awaited": _set_never_awaited,
    "lost_exceptions": _set_lost_exceptions,
    "leaks": _set_leaks,
    "cancel_notes": _set_cancel_notes,
}
"""What each word of the environment and of the command line changes, in this order."""


def _check_duration(name: str, value: object, *, none: bool = False, boolean: bool = False) -> None:
    if (none and value is None) or (boolean and isinstance(value, bool)):
        return
    choices = "seconds" + (" or None" if none else "") + (", True or False" if boolean else "")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be {choices}, not {value!r}")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be more than 0 seconds, not {value!r}")
