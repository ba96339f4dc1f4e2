"""Many calls at once, throttled: `amap()`, `stream()`, and what they are told.

The names are also those of `aioxide` itself. They work on any asyncio loop.
"""

from ._amap import amap as amap
from ._auto import AutoLimit as AutoLimit
from ._errors import FanOutError as FanOutError
from ._errors import ItemCancelledError as ItemCancelledError
from ._limiter import Limiter as Limiter
from ._progress import Progress as Progress
from ._result import Result as Result
from ._retry import Retry as Retry
from ._stream import Stream as Stream
from ._stream import stream as stream

__all__ = [
    "AutoLimit",
    "FanOutError",
    "ItemCancelledError",
    "Limiter",
    "Progress",
    "Result",
    "Retry",
    "Stream",
    "amap",
    "stream",
]
