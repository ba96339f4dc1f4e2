"""The client under test: put where aiohttp's tests find aiohttp's own, and watched.

Each public name of aiohttp that the client's module has, too, as another object, takes the place of
aiohttp's wherever one of aiohttp's modules holds it: in aiohttp itself, in the module that defines
it, in those of the client and of the tests. The server's modules, aiohttp.web*, keep aiohttp's own.
This happens before the suite is imported, so that `from aiohttp import ...` finds the client's.

What a test makes of these classes is counted by name, and so are the session's requests and
WebSockets (`USES`): a test that used nothing of the client says nothing about it.
"""

import collections
import functools
import importlib
import sys
import types
import warnings

# What the session does, and the method that all of this kind goes through: the first that it has.
USES = {"request": ("_request", "request"), "websocket": ("_ws_connect", "ws_connect")}
# What a test must have used to have met the client, where its file does not say.
USUAL = tuple(USES)
ANYTHING = "*"
# The client that is aiohttp's own, under other classes: proves that the swap and the counts work.
OWN = "aiohttp"
# Those of aiohttp's classes that only callers make, or aiohttp by the public name: others would be
# made all the same, and never those that are derived from them.
DERIVED = (
    "ClientSession",
    "CookieJar",
    "DigestAuthMiddleware",
    "DummyCookieJar",
    "FormData",
    "TCPConnector",
    "ThreadedResolver",
    "TraceConfig",
    "UnixConnector",
)
# What is imported first, so that it is there to be changed. The plugin for pytest is not: pytest
# wants to import it itself, and it holds none of the names.
MODULES = ("aiohttp", "aiohttp.test_utils")


class Uses:
    """How often each name of the client was used since `clear`."""

    def __init__(self, meets=USUAL):
        self.meets = meets
        self.counts = collections.Counter()

    def clear(self):
        self.counts.clear()

    def note(self, name):
        self.counts[name] += 1

    @property
    def met(self):
        if ANYTHING in self.meets:
            return bool(self.counts)
        return any(self.counts[name] for name in self.meets)


def install(name, uses):
    """Swap in the client called `name`."""
    with warnings.catch_warnings():
        # A session is deprecated to derive from.
        warnings.simplefilter("ignore", DeprecationWarning)
        modules = [importlib.import_module(module) for module in MODULES]
        theirs = derived(modules[0]) if name == OWN else importlib.import_module(name)
    for public in modules[0].__all__:
        ours = vars(modules[0]).get(public)
        other = getattr(theirs, public, None)
        if ours is None or other is None or other is ours:
            continue
        other = watched(public, other, uses) if isinstance(other, type) else other
        for module in holders(public, ours):
            setattr(module, public, other)


def derived(aiohttp):
    """Classes that differ from aiohttp's by their identity only."""
    bases = {name: getattr(aiohttp, name) for name in DERIVED}
    return types.SimpleNamespace(
        **{
            name: types.new_class(name, (base,), {}, lambda body: body.update(__module__=__name__))
            for name, base in bases.items()
        }
    )


def holders(name, value):
    """The modules of aiohttp, but for the server's, in which the name is bound to the value."""
    return [
        module
        for module_name, module in list(sys.modules.items())
        if module_name.partition(".")[0] == "aiohttp"
        and not module_name.startswith("aiohttp.web")
        and vars(module).get(name) is value
    ]


def watched(name, cls, uses):
    """The class itself, which now counts.

    A native one that cannot be changed is derived from if only callers make it. Others stay as they
    are, uncounted: what the client makes of them would be no instance of a derived class.
    """
    parts = {"__init__": name}
    if name == "ClientSession":
        for use, methods in USES.items():
            method = next((method for method in methods if hasattr(cls, method)), None)
            parts |= {method: use} if method else {}
    counting = {method: counted(getattr(cls, method), use, uses) for method, use in parts.items()}
    try:
        for method, function in counting.items():
            setattr(cls, method, function)
    except TypeError:
        if name in DERIVED:
            return type(name, (cls,), {**counting, "__module__": cls.__module__})
    return cls


def counted(function, use, uses):
    if function is object.__init__:
        # All is done in __new__; object's own would refuse the arguments once there is another.
        def function(self, *args, **kwargs):
            pass

    @functools.wraps(function)
    def counting(self, *args, **kwargs):
        uses.note(use)
        return function(self, *args, **kwargs)

    return counting
