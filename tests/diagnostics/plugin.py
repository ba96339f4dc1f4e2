"""How a test has pytest load aioxide's plugin."""

from importlib.metadata import entry_points

__all__ = ["LOADED"]

_INSTALLED = any(point.value == "aioxide.pytest_plugin" for point in entry_points(group="pytest11"))

#: Where the package is not installed, nobody has told pytest of its plugin; where it is, once will
#: do.
LOADED = () if _INSTALLED else ("-p", "aioxide.pytest_plugin")
