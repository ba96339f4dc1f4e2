"""A connection that the server speaks on before the client has asked anything."""

import asyncio

import pytest

from aioxide import http

from ..net.peer import polled
from .wire import answer, fetch, settled


@pytest.fixture
def gate(loop):
    """What holds a request back between its connection and its head."""

    class Gate:
        def __init__(self):
            self.connected = loop.create_future()
            self.open = loop.create_future()
            self.config = http.TraceConfig()
            self.config.on_connection_create_end.append(self)

        async def __call__(self, session, context, params):
            if not self.connected.done():
                self.connected.set_result(None)
                await self.open

    return Gate()


@pytest.mark.parametrize("sent", [answer(b"unasked"), b"x", b"\r\n"], ids=["response", "x", "line"])
async def test_what_came_before_the_request_is_not_its_answer(server, make_session, gate, sent):
    session = make_session(trace_configs=[gate.config])
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await gate.connected
    wire.send(sent)
    await polled()
    gate.open.set_result(None)
    _, requests = await server.answers(answer(b"asked"))
    assert await asking == (200, b"asked")
    assert len(requests) == 1
    assert await wire.is_closed()
    assert (await settled(session.connector))["idle"] == 1


async def test_connection_that_ends_before_the_request_is_made_anew(server, make_session, gate):
    session = make_session(trace_configs=[gate.config])
    asking = asyncio.ensure_future(fetch(session, server.url))
    wire = await server.accept()
    await gate.connected
    wire.close()
    await polled()
    gate.open.set_result(None)
    await server.answers(answer(b"asked"))
    assert await asking == (200, b"asked")
