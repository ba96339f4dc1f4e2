"""What a process holds: descriptors, threads and bytes."""

import ctypes
import gc
import os
import sys
from collections import Counter
from typing import Any

_PAGE = os.sysconf("SC_PAGE_SIZE")

# What is compared, and how much it may differ between the start and the end: so much, or so much
# of the value at the start. Free lists, hash tables and the interpreter's caches keep their
# largest size, which the warm-up may have missed by a little. The loop's queues are such: one of
# 16,384 handles that has to hold one more needs 400 kB more, and a turn may see so many when ten
# thousand connections end together. In ten minutes a byte lost with each connection comes to more.
LIMITS = {
    "descriptors": (0, 0.0),
    "threads": (0, 0.0),
    "objects": (300, 0.005),
    "blocks": (1500, 0.01),
    "native": (1024 * 1024, 0.02),
    "resident": (6 * 1024 * 1024, 0.05),
}


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def _libc() -> Any:
    """The C library, if it is glibc 2.33 or later."""
    libc = ctypes.CDLL(None)
    try:
        libc.mallinfo2.restype = _Mallinfo
    except AttributeError:
        return None
    return libc


_LIBC = _libc()


def settle() -> None:
    """Give back what can be given back."""
    for _ in range(3):
        gc.collect()
    if _LIBC is not None:
        _LIBC.malloc_trim(0)


def measure() -> dict[str, int]:
    """`objects` are those that the garbage collector knows, `blocks` the interpreter's small
    allocations, `native` the bytes in use by malloc, Rust's among them."""
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * _PAGE
    usage = {
        "descriptors": len(os.listdir("/proc/self/fd")) - 1,
        "threads": len(os.listdir("/proc/self/task")),
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "resident": resident,
    }
    if _LIBC is not None:
        info = _LIBC.mallinfo2()
        usage["native"] = info.uordblks + info.hblkhd
    return usage


def census() -> dict[str, int]:
    """The garbage collector's objects by type."""
    found = Counter(
        f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects()
    )
    return dict(found)


def glance() -> dict[str, int]:
    """What costs next to nothing to look at."""
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * _PAGE
    return {
        "descriptors": len(os.listdir("/proc/self/fd")) - 1,
        "threads": len(os.listdir("/proc/self/task")),
        "resident": resident,
    }


def allowed(name: str, start: int) -> int:
    """How much more than at the start there may be at the end."""
    absolute, share = LIMITS[name]
    return max(absolute, int(start * share))
