"""`label`: what a program calls the work of a task, for reports."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from aioxide._aioxide import _remove_label, _set_label

__all__ = ["label"]


def label(text: str | None) -> None:
    """Label the work of the running task: a request's number, a customer.

    Reports on a blocked loop give the label of the task that blocks it. The text is copied to where
    it can be read while Python code holds the loop; what is longer than 120 characters is cut. It
    holds until the task ends or is labelled anew; None removes it. Tasks that the task makes do not
    inherit it.

    Raises RuntimeError when no task is running, TypeError when `text` is no str.
    """
    running = asyncio._get_running_loop() is not None
    task = asyncio.current_task() if running else None
    if task is None:
        raise RuntimeError("aioxide.label() labels the work of a task, and no task is running")
    if text is None:
        _remove_label(id(task))
        _labelled.pop(id(task), None)
    elif _set_label(task, text):
        reference = _Labelled(task, _forget)
        reference.address = id(task)
        _labelled[id(task)] = reference


class _Labelled(weakref.ref["asyncio.Task[Any]"]):
    """Takes the label away when the task is gone."""

    __slots__ = ("address",)
    address: int


def _forget(reference: weakref.ref[Any]) -> None:
    assert isinstance(reference, _Labelled)
    _remove_label(reference.address)
    _labelled.pop(reference.address, None)


_labelled: dict[int, _Labelled] = {}
