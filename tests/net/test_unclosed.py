"""What nobody closed says so, as asyncio's does, and where it was made, when tracemalloc is on."""

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

async def make_loop(loop):
    return new_event_loop(), None

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


PLACES = """
import linecache, re, sys

errors = []

def told(unraisable):
    # From 3.14 on the message has the finalizer; before, the object is it.
    place = f"{{unraisable.err_msg}} {{unraisable.object!r}}"
    for name in re.findall("<function (.*) at 0x", place):  # none of a socket's, which is native
        errors.append((name, type(unraisable.exc_value).__name__))

sys.unraisablehook = told
victim, other = loop.run_until_complete(make_{kind}(loop))
loop.close()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("{action}")
    {more}
    del victim
    gc.collect()
if other is not None:
    other.close()
for warning in caught:
    if str(warning.message).startswith(("unclosed transport", "unclosed event loop")):
        line = linecache.getline(warning.filename, warning.lineno)
        print(os.path.basename(warning.filename), line.partition("{{")[0].strip())
for error in errors:
    print(*error)
"""
KINDS = ("stream", "datagram", "reader", "writer", "loop")


@pytest.fixture
def places(child):
    """Drop something of a kind unclosed in a child, which prints what tells of it."""

    def places(kind, action, more="pass"):
        done = child(PRELUDE + PLACES.format(kind=kind, action=action, more=more))
        assert done.stderr == ""
        return done.stdout.splitlines()

    return places


@pytest.mark.parametrize("kind", KINDS)
def test_the_warning_comes_from_asyncio(places, kind):
    """Its text names the place, and the registry of that module remembers it."""
    modules = {"reader": "unix_events", "writer": "unix_events", "loop": "base_events"}
    what = "event loop" if kind == "loop" else "transport"
    module = modules.get(kind, "selector_events")
    assert places(kind, "always") == [f'{module}.py _warn(f"unclosed {what}']


@pytest.mark.parametrize("kind", KINDS)
def test_programs_silence_asyncio(places, kind):
    silent = 'warnings.filterwarnings("ignore", "unclosed", ResourceWarning, module="asyncio")'
    assert places(kind, "error", silent) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_told_of_the_finalizer(places, kind):
    """By its name, which pytest's users silence it by."""
    owners = {
        "reader": "_UnixReadPipeTransport",
        "writer": "_UnixWritePipeTransport",
        "loop": "BaseEventLoop",
    }
    owner = owners.get(kind, "_SelectorTransport")
    assert places(kind, "error") == [f"{owner}.__del__ ResourceWarning"]
