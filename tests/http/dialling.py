"""The three ways to a new connection, and what their tests need.

The short way hands a request to a connection that is not there yet; the long one awaits a native
connection; and "asyncio" is the long one by the loop's own `sock_connect()` and
`create_connection()`, which are the control.
"""

import socket

import pytest

from aioxide import http
from aioxide.http import _untouched

from .two_ways import told

WAYS = ("short", "long", "asyncio")
NAME = "some.test"


class Resolver(http.AbstractResolver):
    """Answers with addresses that are given."""

    def __init__(self, *addresses):
        self.addresses = addresses

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [
            {
                "hostname": host,
                "host": address,
                "port": port if own is None else own,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
            for address, own in self.addresses
        ]

    async def close(self):
        pass


async def known(connector, port=80):
    """A connector that knows the addresses of the name: then the short way is open."""
    await connector._resolve_host(NAME, port)


def each_way(monkeypatch):
    """For each way what makes a session go it."""
    for way in WAYS:
        with monkeypatch.context() as patched:
            if way == "asyncio":
                patched.setattr(_untouched, "may_dial", lambda connector: False)

            def going(session, short=way == "short"):
                if not short:
                    session._shortcut = None
                return session

            yield going


async def failure(awaitable):
    """What a request raises, with all that it says."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - what it is, the test compares
        await awaitable
    error = raised.value
    system = getattr(error, "os_error", error.__cause__)
    return (
        told(error),
        getattr(error, "errno", None),
        getattr(error, "strerror", None),
        getattr(error, "host", None),
        getattr(error, "port", None),
        getattr(error, "ssl", None),
        type(system),
        str(system),
        getattr(system, "errno", None),
    )


def where(host, port=80):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))
