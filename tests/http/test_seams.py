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
