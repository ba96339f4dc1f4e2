"""Numbers that a caller gives, checked: what is wrong is said by the option's name."""

from __future__ import annotations

from numbers import Real

__all__ = ["check_number", "check_real"]


def check_number(name: str, value: object, least: int, instead: str = "") -> None:
    """Raise TypeError or ValueError for what is no whole number, or too small a one.

    `instead` is what else the text names.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}; a whole number is wanted{instead}")
    if value < least:
        raise ValueError(f"{name} is at least {least}, not {value}")


def check_real(name: str, value: object, unit: str = " of seconds") -> None:
    """Raise TypeError for what is no number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; a number{unit} is wanted")
