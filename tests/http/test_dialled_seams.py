"""When new connections are left to the loop's own methods: whenever somebody might see the
difference."""

import asyncio
import socket
from unittest import mock

import pytest

from aioxide import http
from aioxide.http import _untouched

from .wire import OK, fetch

pytestmark = pytest.mark.usefixtures("loop")


async def test_replaced_methods_are_called(server, make_session, loop):
    """Of sockets, of the loop, of the connector and of its cache: on the classes, or on the
    objects."""
    called = []

    def noted(holder, name):
        original = getattr(holder, name)

        def method(*arguments, **options):
            called.append(name)
            return original(*arguments, **options)

        return method

    session = make_session(connector=http.TCPConnector(force_close=True))
    connector = session.connector
    cases = [
        (socket.socket, "connect"),
        (socket.socket, "setblocking"),
        (type(loop), "sock_connect"),
        (asyncio.BaseEventLoop, "create_connection"),
        (loop, "sock_connect"),
        (loop, "create_connection"),
        (http.TCPConnector, "_wrap_create_connection"),
        (http.TCPConnector, "_resolve_host"),
        (connector, "_create_connection"),
        (connector, "_wrap_create_connection"),
        (connector, "_resolve_host"),
        (connector, "_factory"),
        (connector, "connect"),
    ]
    for holder, name in cases:
        called.clear()
        with mock.patch.object(holder, name, noted(holder, name)):
            serving = asyncio.ensure_future(server.answers(OK))
            assert await fetch(session, server.url) == (200, b"ok")
            await serving
        assert called, (holder, name)
        # And then it is native again.
        called.clear()
        serving = asyncio.ensure_future(server.answers(OK))
        response = await session.get(server.url)
        assert response._filled is not None
        assert await response.read() == b"ok"
        await serving
        assert not called


async def test_socket_class_of_the_program_is_used(server, make_session, monkeypatch):
    """As packages do that forbid connections, or lead them through a proxy."""
    made = []

    class Socket(socket.socket):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    session = make_session()
    monkeypatch.setattr(socket, "socket", Socket)
    serving = asyncio.ensure_future(server.answers(OK))
    assert await fetch(session, server.url) == (200, b"ok")
    await serving
    assert len(made) >= 1


@pytest.mark.parametrize("option", ["local_addr", "socket_factory"])
async def test_options_of_the_socket_are_kept(server, make_session, option):
    made = []

    def factory(info):
        sock = socket.socket(*info[:3])
        sock.bind(("127.0.0.5", 0))
        made.append(sock)
        return sock

    value = ("127.0.0.5", 0) if option == "local_addr" else factory
    session = make_session(connector=http.TCPConnector(**{option: value}))
    request = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    assert wire.sock.getpeername()[0] == "127.0.0.5"
    await wire.request()
    await wire.sendall(OK)
    assert await request == (200, b"ok")
    assert len(made) == (option == "socket_factory")


def test_audit_hooks_hear_of_connections(child):
    """A hook cannot be removed again: this needs a process of its own."""
    result = child(
        """
        import asyncio, sys
        import aioxide
        from aioxide import http

        heard = []

        async def main():
            async def handle(reader, writer):
                await reader.readuntil(b"\\r\\n\\r\\n")
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            connector = http.TCPConnector(force_close=True)
            async with server, http.ClientSession(connector=connector) as session:
                for round in range(2):
                    async with session.get(f"http://127.0.0.1:{port}/") as response:
                        assert await response.read() == b"ok"
                        print(response._filled is not None)
                    if round == 0:
                        sys.addaudithook(lambda event, _: heard.append(event))
            print(heard.count("socket.connect"), any("aioxide" in event for event in heard))

        aioxide.run(main())
        """
    )
    assert result.stdout.split() == ["True", "False", "1", "False"], result.stderr


@pytest.mark.parametrize("debug", [True, False])
async def test_debug_mode_is_asyncios(make_session, loop, debug):
    connector = make_session().connector
    loop.set_debug(debug)
    assert _untouched.may_dial(connector) is not debug
    assert _untouched.may_dial_at_once(connector) is not debug


async def test_connector_of_the_program_connects_in_its_own_way(server, loop):
    class Connector(http.TCPConnector):
        async def _wrap_create_connection(self, *arguments, addr_infos, **options):
            seen.extend(addr_infos)
            return await super()._wrap_create_connection(
                *arguments, addr_infos=addr_infos, **options
            )

    seen = []
    async with http.ClientSession(connector=Connector()) as session:
        serving = asyncio.ensure_future(server.answers(OK))
        assert await fetch(session, server.url) == (200, b"ok")
        await serving
    assert [info[4] for info in seen] == [("127.0.0.1", server.port)]
