"""The native dial by itself: HttpConnection.dial()."""

import pytest

from aioxide import _aioxide

from .dialling import where

pytestmark = pytest.mark.usefixtures("loop")


@pytest.mark.parametrize(
    "infos",
    [
        [],
        [where("fe80::1%lo")],
        [where("somewhere.test")],
        [where("127.1")],
        [where("127.0.0.1", 65536)],
        [where("127.0.0.1", -1)],
        [where("127.0.0.1", "80")],
        [where("127.0.0.1"), where("localhost")],
        [(2, 1, 6, "", None)],
        [None],
    ],
    ids=str,
)
async def test_addresses_that_python_has_to_understand(loop, infos):
    connection = _aioxide.HttpConnection(loop)
    assert connection.dial(infos) is False
    assert connection.dial_waiter() is None


async def test_connection_is_dialled_once(loop, silent):
    connection = _aioxide.HttpConnection(loop)
    assert connection.dial([where("127.0.0.1", silent)])
    with pytest.raises(RuntimeError, match="dialled before"):
        connection.dial([where("127.0.0.1", silent)])
    assert not connection.is_connected()
    assert connection.transport is None
    connection.close()
    connection.close()
    with pytest.raises(RuntimeError, match="dialled before"):
        connection.dial([where("127.0.0.1", silent)])


async def test_aborted_while_connecting(loop, silent):
    connection = _aioxide.HttpConnection(loop)
    assert connection.dial([where("127.0.0.1", silent)], None, (loop.time() + 60, "connect", 60.0))
    connection.abort()
    assert connection.dial_waiter() is None


def test_loop_closed_while_connecting(silent):
    import aioxide

    loop = aioxide.new_event_loop()

    async def main():
        connection = _aioxide.HttpConnection(loop)
        assert connection.dial([where("127.0.0.1", silent), where("127.0.0.2", silent)], 60.0)
        return connection

    connection = loop.run_until_complete(main())
    loop.close()
    assert connection.dial_waiter() is None
    with pytest.raises(RuntimeError, match="closed"):
        _aioxide.HttpConnection(loop).dial([where("127.0.0.1", silent)])
