"""Resolvers, and the cache before them. aiohttp's are the oracle."""

import asyncio
import socket
from types import SimpleNamespace
from typing import ClassVar

import aiohttp
import aiohttp.abc
import aiohttp.helpers
import aiohttp.resolver
import pytest

from aioxide.http import _resolver


def result(host, address="192.0.2.1", port=80):
    return _resolver.ResolveResult(
        hostname=host, host=address, port=port, family=socket.AF_INET, proto=6, flags=0
    )


class Names(_resolver.AbstractResolver):
    """Answers when told to."""

    def __init__(self, loop):
        self.loop = loop
        self.asked = []
        self.waiting = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.append((host, port, family))
        self.waiting.append(self.loop.create_future())
        return await self.waiting[-1]

    async def close(self):
        pass


class Known(_resolver.AbstractResolver):
    """Answers at once."""

    def __init__(self, count=1):
        self.count = count
        self.asked = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.append(host)
        return [result(host, f"192.0.2.{index}") for index in range(self.count)]

    async def close(self):
        pass


@pytest.fixture
def now(loop, monkeypatch):
    """A clock that is set by hand."""
    clock = SimpleNamespace(now=1000.0)
    cache_loop = SimpleNamespace(time=lambda: clock.now, create_task=loop.create_task)
    clock.loop = cache_loop
    return clock


def test_base_class_is_that_of_aiohttp():
    assert _resolver.AbstractResolver is aiohttp.abc.AbstractResolver


@pytest.mark.parametrize(
    "host",
    [
        "a.example",
        "1.2.3.4",
        "127.1",
        "2130706433",
        "::1",
        "fe80::1%2",
        "",
        None,
        "1.2.3.4.5",
        "\N{ARABIC-INDIC DIGIT ONE}.2",
    ],
)
def test_addresses_are_told_from_names_as_by_aiohttp(host):
    assert _resolver.is_ip_address(host) == aiohttp.helpers.is_ip_address(host)


@pytest.mark.parametrize(
    "host",
    [
        "1.2.3.4",
        "0.0.0.0",
        "255.255.255.255",
        "256.1.1.1",
        "01.2.3.4",
        "00.0.0.0",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "1.2.3.",
        "1.2.3.4.5",
        "1.2.3.\N{ARABIC-INDIC DIGIT FOUR}",
        "1.2.3.\N{SUPERSCRIPT TWO}",
        "1.2.3.0004",
        f"1.2.3.{'9' * 5000}",
        "",
    ],
)
def test_canonical_addresses_are_those_of_aiohttp(host):
    ours = _resolver.is_canonical_ipv4_address(host)
    assert ours == aiohttp.helpers.is_canonical_ipv4_address(host)


INFOS = {
    "four": [(socket.AF_INET, 1, 6, "", ("192.0.2.1", 80))],
    "six": [(socket.AF_INET6, 1, 6, "", ("2001:db8::1", 80, 0, 0))],
    "link-local": [(socket.AF_INET6, 1, 6, "", ("fe80::1", 80, 0, 3))],
    "without IPv6": [
        (socket.AF_INET6, 1, 6, "", (10, b"x")),
        (socket.AF_INET, 1, 6, "", ("192.0.2.1", 80)),
    ],
    "none": [],
}


class AskedLoop:
    """A loop of which only the look-ups are asked."""

    def __init__(self, infos):
        self.infos = infos
        self.calls = []

    async def getaddrinfo(self, *args, **kwargs):
        self.calls.append((args, kwargs))
        if isinstance(self.infos, Exception):
            raise self.infos
        return self.infos

    async def getnameinfo(self, address, flags):
        self.calls.append((address, flags))
        return f"{address[0]}%eth{address[3]}", str(address[1])


@pytest.mark.parametrize("name", INFOS)
def test_system_is_asked_as_by_aiohttp(run, name):
    async def look(cls):
        loop = AskedLoop(INFOS[name])
        resolver = cls(loop)
        return await resolver.resolve("a.example", 80, socket.AF_UNSPEC), loop.calls

    assert run(look(_resolver.ThreadedResolver)) == run(look(aiohttp.ThreadedResolver))


def test_error_of_the_system_is_raised(run):
    resolver = _resolver.ThreadedResolver(AskedLoop(socket.gaierror(-2, "unknown")))
    with pytest.raises(socket.gaierror):
        run(resolver.resolve("a.example"))
    run(resolver.close())


def test_host_of_this_machine_is_found(run, loop):
    async def main():
        results = await _resolver.ThreadedResolver().resolve("localhost", 80)
        await loop.shutdown_default_executor()
        return results

    assert {entry["host"] for entry in run(main())} == {"127.0.0.1"}


class DNSError(Exception):
    pass


class FakeResolver:
    made: ClassVar = []

    def __init__(self, *args, **kwargs):
        self.args = (args, kwargs)
        self.cancelled = 0
        self.made.append(self)

    async def getaddrinfo(self, host, **options):
        if host == "unknown":
            raise DNSError(4, "Domain name not found")
        if host == "odd":
            raise DNSError("?")
        addresses = {
            "four": [(socket.AF_INET, (b"192.0.2.1", 80))],
            "six": [(socket.AF_INET6, (b"2001:db8::1", 80, 0, 0))],
            "link-local": [(socket.AF_INET6, (b"fe80::1", 80, 0, 3))],
            "none": [],
        }[host]
        return SimpleNamespace(
            nodes=[SimpleNamespace(family=family, addr=addr) for family, addr in addresses]
        )

    async def getnameinfo(self, address, flags):
        return SimpleNamespace(node=f"{address[0]}%eth{address[3]}", service=str(address[1]))

    def cancel(self):
        self.cancelled += 1


@pytest.fixture
def aiodns(monkeypatch):
    module = SimpleNamespace(DNSResolver=FakeResolver, error=SimpleNamespace(DNSError=DNSError))
    monkeypatch.setattr(_resolver, "_aiodns", module)
    monkeypatch.setattr(aiohttp.resolver, "aiodns", module)
    monkeypatch.setattr(FakeResolver, "made", [])
    return module


@pytest.mark.parametrize("host", ["four", "six", "link-local"])
@pytest.mark.usefixtures("aiodns")
def test_name_servers_answer_as_to_aiohttp(run, loop, host):
    async def look(cls):
        return await cls(loop, nameservers=["192.0.2.53"]).resolve(host, 80)

    ours, theirs = run(look(_resolver.AsyncResolver)), run(look(aiohttp.AsyncResolver))
    assert ours == theirs
    assert len(ours) == 1


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("unknown", "Domain name not found"),
        ("none", "DNS lookup failed"),
        ("odd", "DNS lookup failed"),
    ],
)
@pytest.mark.usefixtures("aiodns")
def test_failed_look_up_is_an_os_error(run, loop, host, reason):
    with pytest.raises(OSError, match=reason) as caught:
        run(_resolver.AsyncResolver(loop, timeout=1).resolve(host))
    assert caught.value.errno is None


@pytest.mark.usefixtures("aiodns")
def test_resolvers_of_a_loop_share_one(run, loop):
    async def main():
        first, second = _resolver.AsyncResolver(), _resolver.AsyncResolver(loop)
        special = _resolver.AsyncResolver(loop, tries=1)
        assert len(FakeResolver.made) == 2
        shared, apart = FakeResolver.made
        assert shared.args == ((), {"loop": loop})
        assert apart.args == ((), {"tries": 1})
        await special.close()
        assert (shared.cancelled, apart.cancelled) == (0, 1)
        await first.close()
        await first.close()
        assert shared.cancelled == 0
        await second.close()
        assert shared.cancelled == 1
        await _resolver.AsyncResolver().close()
        assert len(FakeResolver.made) == 3

    run(main())


def test_resolver_without_aiodns_is_refused(loop, monkeypatch):
    monkeypatch.setattr(_resolver, "_aiodns", None)
    with pytest.raises(RuntimeError, match="requires aiodns"):
        _resolver.AsyncResolver(loop)


# The cache


def hosts(addresses):
    return [entry["host"][-1] for entry in addresses]


def test_answer_is_given_again_in_turn(run, loop):
    async def main():
        names = Known(3)
        cache = _resolver.DnsCache(names)
        seen = [hosts(await cache.resolve("a", 80)) for _ in range(4)]
        assert [*map("".join, seen)] == ["012", "120", "201", "012"]
        assert names.asked == ["a"]
        assert ("a", 80) in cache
        await cache.resolve("a", 81)
        assert names.asked == ["a", "a"]

    run(main())


def test_turns_are_those_of_aiohttp(run, loop):
    from aiohttp.connector import _DNSCacheTable

    table = _DNSCacheTable()
    addresses = [result("a", f"192.0.2.{index}") for index in range(3)]
    table.add(("a", 80), addresses)

    async def main():
        cache = _resolver.DnsCache(Known(3))
        for _ in range(5):
            assert hosts(await cache.resolve("a", 80)) == hosts(table.next_addrs(("a", 80)))

    run(main())


def test_answer_grows_old(run, now):
    async def main():
        names = Known()
        cache = _resolver.DnsCache(names, ttl=10, loop=now.loop)
        for at, asked in ((1000, 1), (1010, 1), (1010.5, 2), (1020.5, 2), (1021, 3)):
            now.now = at
            await cache.resolve("a", 80)
            assert len(names.asked) == asked, at
        forever = _resolver.DnsCache(names, ttl=None, loop=now.loop)
        await forever.resolve("b", 80)
        now.now = 1e9
        await forever.resolve("b", 80)
        assert names.asked.count("b") == 1

    run(main())


def test_answers_used_last_are_kept(run, loop):
    async def main():
        names = Known()
        cache = _resolver.DnsCache(names, max_size=2)
        for host in ("a", "b", "a", "c"):
            await cache.resolve(host, 80)
        assert (("a", 80) in cache, ("b", 80) in cache, ("c", 80) in cache) == (True, False, True)
        assert len(cache) == 2
        many = _resolver.DnsCache(names)
        for number in range(1100):
            await many.resolve(str(number), 80)
        assert len(many) == 1000

    run(main())


def test_answer_that_is_not_kept_is_given_all_the_same(run, loop):
    async def main():
        cache = _resolver.DnsCache(Known(2), max_size=0)
        assert hosts(await cache.resolve("a", 80)) == ["0", "1"]
        assert len(cache) == 0

    run(main())


def test_all_wait_for_one_look_up(run, loop):
    async def main():
        names = Names(loop)
        cache = _resolver.DnsCache(names, family=socket.AF_INET6)
        tasks = [loop.create_task(cache.resolve("a", 80)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert names.asked == [("a", 80, socket.AF_INET6)]
        names.waiting[0].set_result([result("a", f"192.0.2.{index}") for index in range(3)])
        assert ["".join(hosts(await task)) for task in tasks] == ["012", "120", "201"]

    run(main())


def test_cancelled_waiter_leaves_the_look_up_to_the_others(run, loop):
    async def main():
        names = Names(loop)
        cache = _resolver.DnsCache(names)
        first, second = (loop.create_task(cache.resolve("a", 80)) for _ in range(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert not names.waiting[0].cancelled()
        names.waiting[0].set_result([result("a")])
        assert await second == [result("a")]

    run(main())


def test_failure_is_raised_to_all_and_not_kept(run, loop):
    async def main():
        names = Names(loop)
        cache = _resolver.DnsCache(names)
        tasks = [loop.create_task(cache.resolve("a", 80)) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        names.waiting[0].set_exception(OSError("no"))
        for task in tasks:
            with pytest.raises(OSError, match="no"):
                await task
        task = loop.create_task(cache.resolve("a", 80))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(names.asked) == 2
        names.waiting[1].set_result([result("a")])
        assert await task == [result("a")]

    run(main())


def test_failure_that_nobody_waits_for_is_not_reported(run, loop):
    async def main():
        names = Names(loop)
        cache = _resolver.DnsCache(names)
        task = loop.create_task(cache.resolve("a", 80))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        names.waiting[0].set_exception(OSError("no"))
        for _ in range(5):
            await asyncio.sleep(0)

    run(main())  # an exception that is not retrieved would fail this test when it is collected


def test_close_cancels_the_look_ups(run, loop):
    async def main():
        names = Names(loop)
        cache = _resolver.DnsCache(names)
        task = loop.create_task(cache.resolve("a", 80))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await cache.close()
        assert names.waiting[0].cancelled()
        with pytest.raises(asyncio.CancelledError):
            await task
        await cache.close()
        # One that has not begun, either.
        task = loop.create_task(cache.resolve("a", 80))
        await asyncio.sleep(0)
        await cache.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cache._lookups == {}

    run(main())


def test_answers_may_be_forgotten(run, loop):
    async def main():
        cache = _resolver.DnsCache(Known())
        for host in "abc":
            await cache.resolve(host, 80)
        cache.clear("a", 80)
        cache.clear("a", 80)
        assert len(cache) == 2
        with pytest.raises(ValueError, match="either both"):
            cache.clear("a")
        with pytest.raises(ValueError, match="either both"):
            cache.clear(port=80)
        cache.clear()
        assert len(cache) == 0

    run(main())


def test_traces_are_told(run, loop):
    class Trace:
        def __init__(self):
            self.events = []

        def __getattr__(self, name):
            async def send(host):
                self.events.append((name.removeprefix("send_dns_"), host))

            return send

    async def main():
        trace, joined = Trace(), Trace()
        cache = _resolver.DnsCache(Known())
        await asyncio.gather(cache.resolve("a", 80, [trace]), cache.resolve("a", 80, [joined]))
        await cache.resolve("a", 80, [trace])
        assert joined.events == [("cache_hit", "a")]
        assert trace.events == [
            ("cache_miss", "a"),
            ("resolvehost_start", "a"),
            ("resolvehost_end", "a"),
            ("cache_hit", "a"),
        ]
        trace.events.clear()
        await cache.resolve_uncached("a", 80, [trace])
        assert trace.events == [("resolvehost_start", "a"), ("resolvehost_end", "a")]

    run(main())
