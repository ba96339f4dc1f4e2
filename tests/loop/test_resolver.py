"""getaddrinfo and getnameinfo: socket's results, and no thread where the address is a literal."""

import asyncio
import itertools
import random
import socket
import threading

import pytest

AI = socket.AddressInfo
HOSTS = [
    "127.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1%lo",
    "fe80::1%1",
    "fe80::1",
    "::1%lo",
    "::ffff:127.0.0.1",
    "2001:db8::1",
    "2001:DB8:0:0::1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "127.0.0.01",
    "localhost",
    None,
    b"127.0.0.1",
    b"::1",
    b"localhost",
]
# Names that only a numeric resolution refuses without asking anybody.
NOT_NUMERIC = ["256.256.256.256", "127.0.0.1 ", " 127.0.0.1", "::1::", "fe80::1%nosuchif", "", "x"]
PORTS = [None, 0, 80, 65535, 65536, -1, "0", "80", b"80", "http", b"http", "domain", "", " 80"]
FAMILIES = [socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6]
TYPES = [0, socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, 99]
PROTOCOLS = [0, socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP, 17, 99]
FLAGS = [
    0,
    AI.AI_PASSIVE,
    AI.AI_NUMERICHOST,
    AI.AI_NUMERICSERV,
    AI.AI_NUMERICHOST | AI.AI_NUMERICSERV,
    AI.AI_CANONNAME,
    AI.AI_V4MAPPED,
    AI.AI_V4MAPPED | AI.AI_ALL,
    AI.AI_ADDRCONFIG,
    AI.AI_PASSIVE | AI.AI_CANONNAME,
    1 << 30,
]


def combinations(hosts, flags, count, seed):
    table = list(itertools.product(hosts, PORTS, FAMILIES, TYPES, PROTOCOLS, flags))
    return random.Random(seed).sample(table, count)


def blocking_outcome(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error), error.args


async def outcome(coroutine):
    try:
        return await coroutine
    except Exception as error:
        return type(error), error.args


async def differences(loop, table):
    found = []
    for host, port, family, kind, proto, flags in table:
        arguments = {"family": family, "type": kind, "proto": proto, "flags": flags}

        expected = blocking_outcome(socket.getaddrinfo, host, port, **arguments)
        got = await outcome(loop.getaddrinfo(host, port, **arguments))
        if repr(got) != repr(expected):
            found.append((host, port, arguments, got, expected))
    return found


@pytest.mark.parametrize("host", HOSTS, ids=repr)
def test_getaddrinfo_equals_sockets(loop, run, host):
    """Over a sample of ports, families, types, protocols and flags; repr() shows the types too."""
    assert run(differences(loop, combinations([host], FLAGS, 150, repr(host)))) == []


@pytest.mark.parametrize("host", NOT_NUMERIC, ids=repr)
def test_getaddrinfo_of_what_is_not_numeric(loop, run, host):
    flags = [flag | AI.AI_NUMERICHOST for flag in FLAGS]
    assert run(differences(loop, combinations([host], flags, 60, host))) == []


def test_getaddrinfo_with_the_defaults(loop, run):
    async def main():
        for host in HOSTS:
            for port in (80, "http"):
                expected = blocking_outcome(socket.getaddrinfo, host, port)
                got = await outcome(loop.getaddrinfo(host, port))
                assert repr(got) == repr(expected)

    run(main())


def test_result_types(loop, run):
    [entry] = run(loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM))
    family, kind, proto, canonical, address = entry
    assert isinstance(entry, tuple)
    assert isinstance(family, socket.AddressFamily)
    assert isinstance(kind, socket.SocketKind)
    assert type(proto) is int
    assert (canonical, address) == ("", ("127.0.0.1", 80))
    [(*_, address)] = run(loop.getaddrinfo("fe80::1%lo", 80, type=socket.SOCK_STREAM))
    assert address == ("fe80::1", 80, 0, socket.if_nametoindex("lo"))


@pytest.mark.parametrize(
    ("host", "port"),
    [
        (1, 80),
        (1.5, 80),
        (Ellipsis, 80),
        ("127.0.0.1", 1.5),
        ("127.0.0.1", Ellipsis),
        ("127.0.0.1", 2**70),
        ("127.0.0.1\0", 80),
        ("127.0.0.1", "80\0"),
        ("\ud800", 80),
        ("127.0.0.1", "\ud800"),
        ("a" * 70, 80),
        ("", None),
        (None, None),
    ],
    ids=repr,
)
def test_getaddrinfo_of_wrong_arguments(loop, run, host, port):
    expected = blocking_outcome(socket.getaddrinfo, host, port, flags=AI.AI_NUMERICHOST)
    got = run(outcome(loop.getaddrinfo(host, port, flags=AI.AI_NUMERICHOST)))
    assert repr(got) == repr(expected)


def test_options_are_keywords_only(loop):
    with pytest.raises(TypeError):
        loop.getaddrinfo("127.0.0.1", 80, socket.AF_INET)
    with pytest.raises(TypeError):
        loop.getaddrinfo("127.0.0.1")
    with pytest.raises(TypeError):
        loop.getaddrinfo("127.0.0.1", 80, unknown=1)


def test_both_are_coroutines(loop):
    """create_task() takes what they return."""
    for coroutine in (loop.getaddrinfo("127.0.0.1", 80), loop.getnameinfo(("127.0.0.1", 80))):
        assert asyncio.iscoroutine(coroutine)
        coroutine.close()


def test_literal_addresses_need_no_thread(loop, run, loop_kind):
    if loop_kind == "asyncio":
        pytest.skip("asyncio asks a thread about literals too")

    async def main():
        before = threading.active_count()
        for host in ("127.0.0.1", "0.0.0.0", "::1", "fe80::1%lo", b"127.0.0.1"):
            for kind in (0, socket.SOCK_STREAM, socket.SOCK_DGRAM):
                await loop.getaddrinfo(host, 80, type=kind)
        flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        for address in (("127.0.0.1", 80), ("::1", 80), ("fe80::1", 80, 0, 1)):
            await loop.getnameinfo(address, flags)
        return threading.active_count() - before

    assert run(main()) == 0
    assert loop._default_executor is None


def test_names_use_the_default_executor(loop, run):
    run(loop.getaddrinfo("localhost", 80))
    assert loop._default_executor is not None


def test_names_after_the_executors_shutdown(loop, run):
    run(loop.shutdown_default_executor())
    with pytest.raises(RuntimeError, match="^Executor shutdown has been called$"):
        run(loop.getaddrinfo("localhost", 80))


def test_failure(loop, run):
    with pytest.raises(socket.gaierror) as caught:
        run(loop.getaddrinfo("no address", 80, flags=AI.AI_NUMERICHOST))
    assert caught.value.errno == socket.EAI_NONAME


def test_patched_socket_getaddrinfo_is_used(loop, run, monkeypatch):
    """What tests do to keep a program off the network."""
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answer)
    assert run(loop.getaddrinfo("some.host.invalid", 80)) == answer
    assert run(loop.getaddrinfo("192.0.2.1", 80)) == answer


NAMES = [
    ("127.0.0.1", 80),
    ("127.0.0.1", 0),
    ("127.0.0.1", 65535),
    ("127.0.0.1", 65536),
    ("127.0.0.1", -1),
    ("127.0.0.1", 53),
    ("::1", 80),
    ("::1", 80, 0),
    ("::1", 80, 0, 0),
    ("fe80::1", 80, 0, 1),
    ("fe80::1%lo", 80),
    ("fe80::1", 80, 5, 0),
    ("::ffff:127.0.0.1", 80, 0, 0),
    ("::1", 80, 1 << 21, 0),
    ("127.0.0.1", 80, 0, 0),
    ("127.1", 80),
    ("127.0.0.1", "http"),
    ("not numeric", 80),
    (b"127.0.0.1", 80),
    ("", 80),
    (),
    ("127.0.0.1",),
    ("127.0.0.1", 80, 0, 0, 0),
    ["127.0.0.1", 80],
    "127.0.0.1",
    None,
    (None, 80),
    (1, 80),
    ("127.0.0.1", None),
]
NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV


@pytest.mark.parametrize("address", NAMES, ids=repr)
def test_getnameinfo_equals_sockets(loop, run, address):
    async def main():
        for flags in (
            NUMERIC,
            socket.NI_NUMERICHOST,
            socket.NI_NUMERICHOST | socket.NI_DGRAM,
            NUMERIC | socket.NI_DGRAM,
            NUMERIC | socket.NI_NOFQDN,
            NUMERIC | socket.NI_NAMEREQD,
            NUMERIC | 1 << 20,
        ):
            expected = blocking_outcome(socket.getnameinfo, address, flags)
            got = await outcome(loop.getnameinfo(address, flags))
            assert repr(got) == repr(expected), flags

    run(main())


def test_getnameinfo_without_flags(loop, run):
    address = ("127.0.0.1", 80)
    assert run(loop.getnameinfo(address)) == socket.getnameinfo(address, 0)
    assert run(loop.getnameinfo(address, flags=NUMERIC)) == ("127.0.0.1", "80")
    assert run(loop.getnameinfo(sockaddr=address, flags=NUMERIC)) == ("127.0.0.1", "80")


def test_debug_mode_logs_the_time(loop, run, asyncio_log):
    loop.set_debug(True)
    assert run(loop.getaddrinfo("localhost", 80)) == socket.getaddrinfo("localhost", 80)
    texts = [record.getMessage() for record in asyncio_log]
    assert any(text.startswith("Get address info localhost:80") for text in texts)
    assert any(text.startswith("Getting address info localhost:80") for text in texts)


def test_many_at_once(loop, run):
    async def main():
        return await asyncio.gather(
            *[loop.getaddrinfo(f"127.0.0.{number}", number) for number in range(1, 101)]
        )

    results = run(main())
    assert [result[0][4] for result in results] == [
        (f"127.0.0.{number}", number) for number in range(1, 101)
    ]
