"""Synchronous code in threads: `aioxide.threaded()`; and back: `aioxide.from_thread`."""

from ._call import Call as Call
from ._proxy import ThreadedFunction as ThreadedFunction
from ._proxy import ThreadedObject as ThreadedObject
from ._proxy import threaded as threaded

__all__ = ["Call", "ThreadedFunction", "ThreadedObject", "threaded"]
