"""Methods of aiohttp's classes that packages override, or replace for a while: they are called."""

import asyncio

import pytest

from aioxide import http

from .test_tls import asked, client_context, make_server, server_context  # noqa: F401 - a fixture
from .wire import OK, fetch


class Connector(http.TCPConnector):
    """As aiobotocore's: its own context for the way to the proxy, whatever the server's is."""

    def __init__(self, context):
        super().__init__()
        self.context = context

    def _update_proxy_auth_header_and_build_proxy_req(self, req):
        proxy_request = super()._update_proxy_auth_header_and_build_proxy_req(req)
        proxy_request._ssl = self.context
        return proxy_request


@pytest.mark.parametrize("overrides", [True, False])
async def test_request_to_a_proxy_is_made_by_a_subclass(
    make_server,  # noqa: F811
    make_session,
    tls_authority,
    overrides,
):
    server = make_server(server_context(tls_authority))
    trusting = client_context(tls_authority)
    session = make_session(connector=Connector(trusting) if overrides else http.TCPConnector())
    inside = "http://inside.example/"
    if overrides:
        assert await asked(server, session, inside, proxy=server.url) == (200, b"ok")
    else:
        with pytest.raises(http.ClientConnectorCertificateError):
            await asked(server, session, inside, proxy=server.url)


@pytest.mark.parametrize("seam", ["ClientRequest.send", "ClientResponse.start"])
async def test_method_that_is_replaced_later_is_called(server, session, monkeypatch, seam):
    """With an idle connection, too."""
    asking = asyncio.ensure_future(fetch(session, server.url))
    await server.answers(OK)
    assert await asking == (200, b"ok")
    assert session.connector.stats()["idle"] == 1
    owner, name = seam.split(".")

    async def slow(*args):
        raise TimeoutError(seam)

    monkeypatch.setattr(getattr(http, owner), name, slow)
    with pytest.raises(TimeoutError, match=seam):
        await fetch(session, server.url)


async def test_connect_that_is_replaced_on_the_connector_later_is_called(server, session):
    """As matrix-nio does."""
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire, _ = await server.answers(OK)
    assert await asking == (200, b"ok")
    connector = session.connector
    connect, calls = connector.connect, []

    async def counted(*args):
        calls.append(args)
        return await connect(*args)

    connector.connect = counted
    asking = asyncio.ensure_future(fetch(session, server.url))
    await wire.request()
    wire.send(OK)
    assert await asking == (200, b"ok")
    assert len(calls) == 1


class Asked(http.ClientRequest):
    """A program's own, with aiohttp's one argument."""

    async def send(self, conn):
        self.headers["X-Sent"] = "by hand"
        return await super().send(conn)


async def test_request_class_has_a_send_of_its_own(server, make_session):
    session = make_session(request_class=Asked, max_body_size=1)
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    assert (await wire.request()).all("X-Sent") == ["by hand"]
    wire.send(OK)
    # What the session reads by holds all the same.
    with pytest.raises(http.ClientPayloadError, match="max_body_size"):
        await asking


class Memory(asyncio.Transport):
    """Where there is no network: an application answers what is written."""

    def __init__(self, protocol, application):
        super().__init__()
        self.protocol = protocol
        self.application = application
        self.closing = False

    def write(self, data):
        asyncio.get_running_loop().call_soon(self.application, self.protocol, bytes(data))

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class InMemory(http.BaseConnector):
    """As aiohttp-asgi-connector's."""

    def __init__(self, application):
        super().__init__(force_close=True)
        self.application = application

    async def _create_connection(self, req, *args):
        protocol = self._factory()
        protocol.connection_made(Memory(protocol, self.application))
        return protocol


async def test_connector_without_a_network(make_session):
    def answer(protocol, data):
        assert data.startswith(b"GET /x HTTP/1.1")
        protocol.data_received(OK[:-1])
        protocol.data_received(OK[-1:])

    session = make_session(connector=InMemory(answer))
    for _ in range(2):
        assert await fetch(session, "http://nowhere.example/x") == (200, b"ok")


@pytest.mark.parametrize("cause", [None, KeyError("the cause")])
async def test_what_such_a_connector_reports_is_raised(make_session, cause):
    def fail(protocol, data):
        protocol.set_exception(ArithmeticError("the application"), *([cause] if cause else []))

    session = make_session(connector=InMemory(fail))
    with pytest.raises(ArithmeticError, match="the application") as caught:
        await fetch(session, "http://nowhere.example/")
    assert caught.value.__cause__ is cause
    assert session.connector.stats()["leased"] == 0
