"""What nobody closed says so, and where it was made, when tracemalloc is on."""

import textwrap

import pytest

PRELUDE = """
import asyncio, gc, os, socket, warnings

warnings.simplefilter("always")

class Protocol(asyncio.Protocol, asyncio.DatagramProtocol):
    pass

async def make_stream(loop):
    ours, theirs = socket.socketpair()
    transport, _ = await loop.create_connection(Protocol, sock=ours)  # made here
    return transport, theirs

async def make_datagram(loop):
    here = ("127.0.0.1", 0)
    transport, _ = await loop.create_datagram_endpoint(Protocol, local_addr=here)  # made here
    return transport, None

async def make_reader(loop):
    reader, writer = os.pipe()
    transport, _ = await loop.connect_read_pipe(Protocol, os.fdopen(reader, "rb", 0))  # made here
    return transport, os.fdopen(writer, "wb", 0)

async def make_writer(loop):
    reader, writer = os.pipe()
    transport, _ = await loop.connect_write_pipe(Protocol, os.fdopen(writer, "wb", 0))  # made here
    return transport, os.fdopen(reader, "rb", 0)

loop = new_event_loop()
"""
PROGRAM = """
transport, other = loop.run_until_complete(make_{kind}(loop))
loop.close()
with warnings.catch_warnings(record=True) as caught:
    del transport
    gc.collect()
if other is not None:
    other.close()
for warning in caught:
    if "unclosed transport" in str(warning.message):
        print(str(warning.message).partition("fd=")[0].partition("<")[0])
        import tracemalloc
        trace = tracemalloc.get_object_traceback(warning.source)
        lines = "" if trace is None else "".join(trace.format())
        print("made here" in lines)
"""


@pytest.mark.parametrize("kind", ["stream", "datagram", "reader", "writer"])
def test_transport_says_where_it_was_made(child, kind, on_asyncio):
    program = PRELUDE + textwrap.dedent(PROGRAM.format(kind=kind))
    done = child(program, flags=("-X", "tracemalloc=25"))
    assert done.stderr == ""
    text, found = done.stdout.splitlines()
    assert text == "unclosed transport "
    # Not every release finds objects of classes written in Python.
    assert found == "True" or on_asyncio


def test_warning_without_tracemalloc(child):
    program = PRELUDE + textwrap.dedent(PROGRAM.format(kind="stream"))
    done = child(program)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["unclosed transport ", "False"]
