"""What every measured process does around its program."""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Any

#: No process of a benchmark lives longer, whatever its loop makes of signals and its parent of
#: its own end: SIGALRM without a handler is the kernel's to act on.
LIFETIME = 600


def begin(descriptors: int | None = None) -> None:
    """Allow as many descriptors as there may be, or as many as that."""
    signal.alarm(LIFETIME)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors or most, most))


def answer(**values: Any) -> None:
    """Print the result, at once: the loop may crash when it is closed."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()
