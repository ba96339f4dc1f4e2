"""Where in the program something was made, so that what is left open can be told."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import CodeType, FrameType

#: aioxide itself, which is nobody's program.
_OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep


class Site(NamedTuple):
    """A place in a program. Its line is looked up when somebody asks: most are never asked."""

    code: CodeType
    instruction: int

    @classmethod
    def of(cls, frame: FrameType | None) -> Site | None:
        """The place where `frame` is, or its nearest caller that is no part of the client."""
        while frame is not None and frame.f_code.co_filename.startswith(_OWN):
            frame = frame.f_back
        return None if frame is None else cls(frame.f_code, frame.f_lasti)

    @property
    def line(self) -> int:
        """Its line in the file."""
        for start, end, line in self.code.co_lines():
            if start <= self.instruction < end and line is not None:
                return line
        return self.code.co_firstlineno

    def __str__(self) -> str:
        return f"{self.code.co_filename}:{self.line}, in {self.code.co_qualname}"


def told(place: tuple[CodeType, int] | None) -> str:
    """What a warning says of a place."""
    if place is None or place[0].co_filename.startswith(_OWN):
        return ""
    return f", made at {Site(*place)}"


def caller(depth: int) -> tuple[CodeType, int] | None:
    """The place so many calls above the function that asks; None where there are not so many.

    What makes a Site: a request has no time for more.
    """
    try:
        frame = sys._getframe(depth + 1)
    except ValueError:
        return None
    return frame.f_code, frame.f_lasti
