"""A second copy of the modules: what they are where aiohttp is not installed."""

import functools
import importlib
import sys
import types
from pathlib import Path

import aioxide

FOLDER = Path(aioxide.__file__).parent / "http"
BLOCKED = ("aiohttp", "aiosignal", "frozenlist", "attr", "attrs")
MODULES = (
    "_auth",
    "_connection_key",
    "_content_disposition",
    "_errors",
    "_form",
    "_headers",
    "_mimetype",
    "_multipart",
    "_payload",
    "_resolver",
    "_signal",
    "_streams",
    "_timeout",
    "_timer",
    "_tracing",
)


@functools.cache
def without_aiohttp():
    """A second copy of the modules, imported as where aiohttp is not installed."""

    def taken(name):
        return name.partition(".")[0] in BLOCKED or name.startswith("aioxide.http")

    before = {name: module for name, module in sys.modules.items() if taken(name)}
    attribute = getattr(aioxide, "http", None)
    for name in before:
        del sys.modules[name]
    package = types.ModuleType("aioxide.http")
    package.__path__ = [str(FOLDER)]
    sys.modules["aioxide.http"] = package
    sys.modules.update(dict.fromkeys(BLOCKED))
    try:
        modules = {name: importlib.import_module(f"aioxide.http.{name}") for name in MODULES}
    finally:
        for name in [name for name in sys.modules if taken(name)]:
            del sys.modules[name]
        sys.modules.update(before)
        if attribute is None:
            vars(aioxide).pop("http", None)
        else:
            aioxide.http = attribute
    return types.SimpleNamespace(**modules)
