"""What `install(http=True)` puts into aiohttp's modules."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

#: The names of the client that are aioxide's, by the modules of aiohttp where programs and
#: packages look for them. Exceptions are aiohttp's own classes already.
NAMES: dict[str, tuple[str, ...]] = {
    "client": (
        "BaseConnector",
        "ClientRequest",
        "ClientResponse",
        "ClientSession",
        "ClientTimeout",
        "ClientWebSocketResponse",
        "TCPConnector",
        "UnixConnector",
        "UploadTracker",
        "request",
    ),
    "client_middleware_digest_auth": ("DigestAuthMiddleware",),
    "client_reqrep": ("ClientRequest", "ClientResponse", "UploadTracker"),
    "client_ws": ("ClientWebSocketResponse",),
    "connector": ("BaseConnector", "Connection", "TCPConnector", "UnixConnector"),
    "cookiejar": ("CookieJar", "DummyCookieJar"),
    "formdata": ("FormData",),
    "multipart": ("MultipartWriter",),
    "resolver": ("AsyncResolver", "DefaultResolver", "ThreadedResolver"),
    "test_utils": ("ClientResponse", "ClientSession", "ClientWebSocketResponse", "CookieJar"),
    "tracing": ("TraceConfig",),
}


def replacements() -> Iterator[tuple[ModuleType, str, object]]:
    """Module, name and object of all that is replaced. Raises ImportError without aiohttp."""
    aiohttp = importlib.import_module("aiohttp")
    ours = importlib.import_module("aioxide.http")
    for module_name, names in NAMES.items():
        full = f"aiohttp.{module_name}"
        # Helpers for tests are patched for those who have them; nobody else pays for their import.
        module = sys.modules.get(full)
        if module is None and module_name != "test_utils":
            try:
                module = importlib.import_module(full)
            except ModuleNotFoundError as error:
                if error.name != full:
                    raise
                continue  # an older aiohttp has no such module
        for name in names:
            found = getattr(ours, name)
            for owner in (aiohttp, module):
                if owner is not None and name in vars(owner):
                    yield owner, name, found
