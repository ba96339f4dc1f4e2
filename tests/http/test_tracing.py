"""Tracing: the signals, their parameters, and the object that sends them."""

import inspect
from types import SimpleNamespace

import aiohttp
import aiohttp.tracing
import aiosignal
import pytest
from multidict import CIMultiDict
from yarl import URL

from aioxide.http import _signal, _tracing

from .own import without_aiohttp

own = without_aiohttp()
PARAMS = [name for name in _tracing.__all__ if name.endswith("Params")]
BOTH = pytest.mark.parametrize("module", [_tracing, own._tracing], ids=["with", "without"])
URL_ = URL("http://a.example/")
VALUES = {
    "method": "GET",
    "url": URL_,
    "headers": CIMultiDict(),
    "chunk": b"x",
    "response": object(),
    "exception": ValueError("x"),
    "host": "a.example",
}


def names_of_signals(config):
    return {name for name in dir(config) if name.startswith("on_")}


def test_nothing_of_aiohttps_tracing_is_missing():
    assert set(aiohttp.tracing.__all__) <= set(_tracing.__all__)


def test_classes_are_those_of_aiohttp():
    for name in [*PARAMS, "TraceConfig"]:
        assert getattr(_tracing, name) is getattr(aiohttp, name)


@pytest.mark.parametrize("name", PARAMS)
def test_parameters_without_aiohttp_are_the_same(name):
    ours, theirs = getattr(own._tracing, name), getattr(aiohttp, name)
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    values = {field: VALUES[field] for field in inspect.signature(theirs).parameters}
    assert repr(ours(**values)) == repr(theirs(**values))
    with pytest.raises((AttributeError, TypeError)):
        ours(**values).other = 1


def test_signals_without_aiohttp_are_the_same():
    config = own._tracing.TraceConfig()
    assert names_of_signals(config) == names_of_signals(aiohttp.TraceConfig())
    assert len(names_of_signals(config)) == 16
    for name in names_of_signals(config):
        assert getattr(config, name) is getattr(config, name)
        assert not getattr(config, name).frozen
        with pytest.raises(AttributeError):
            setattr(config, name, [])
    config.freeze()
    assert all(getattr(config, name).frozen for name in names_of_signals(config))


@BOTH
def test_every_event_is_sent_with_its_parameters(module, run):
    contexts = []

    def factory(**given):
        contexts.append(SimpleNamespace(**given))
        return contexts[-1]

    config = module.TraceConfig(factory)
    received = []

    def receiver(name):
        async def receive(session, context, params):
            received.append((name, session, context, params))

        return receive

    for name in names_of_signals(config):
        getattr(config, name).append(receiver(name))
    config.freeze()
    context = config.trace_config_ctx({"a": 1})
    assert context.trace_request_ctx == {"a": 1}
    trace = module.Trace("session", config, context)
    sends = [name for name in dir(trace) if name.startswith("send_")]
    assert sends == [name for name in dir(aiohttp.tracing.Trace) if name.startswith("send_")]

    async def main():
        for name in sends:
            signature = inspect.signature(getattr(trace, name))
            theirs = inspect.signature(getattr(aiohttp.tracing.Trace, name))
            assert [*signature.parameters] == [*theirs.parameters][1:]
            await getattr(trace, name)(*(VALUES[field] for field in signature.parameters))

    run(main())
    assert {name for name, *_ in received} == names_of_signals(config)
    assert len(received) == 16
    for name, session, given, params in received:
        assert (session, given) == ("session", context)
        event = name.removeprefix("on_").replace("_", "")
        assert type(params).__name__.lower() == f"trace{event}params"
        for field in inspect.signature(type(params)).parameters:
            assert getattr(params, field) is VALUES[field]


SIGNALS = pytest.mark.parametrize(
    "cls", [aiosignal.Signal, _signal.OwnSignal], ids=["aiosignal", "own"]
)


def test_signal_is_that_of_aiosignal():
    assert _signal.Signal is aiosignal.Signal
    assert own._signal.Signal is own._signal.OwnSignal


@SIGNALS
def test_signal_calls_in_order_once_frozen(cls, run):
    signal = cls("owner")
    calls = []

    async def first(*args, **kwargs):
        calls.append((1, args, kwargs))

    @signal
    async def second(*args, **kwargs):
        calls.append((2, args, kwargs))

    signal.insert(0, first)
    with pytest.raises(RuntimeError, match="non-frozen"):
        run(signal.send())
    signal.freeze()
    run(signal.send("a", b=1))
    assert calls == [(1, ("a",), {"b": 1}), (2, ("a",), {"b": 1})]


@SIGNALS
def test_frozen_signal_cannot_be_changed(cls):
    signal = cls("owner")
    with pytest.raises(RuntimeError):
        hash(signal)
    signal.append(print)
    signal[0] = len
    signal[:] = [len, print]
    del signal[1]
    signal.freeze()
    changes = [
        lambda: signal.append(print),
        lambda: signal.insert(0, print),
        lambda: signal.__setitem__(0, print),
        lambda: signal.__delitem__(0),
        lambda: signal.clear(),
    ]
    for change in changes:
        with pytest.raises(RuntimeError, match="Cannot modify frozen list"):
            change()
    assert list(signal) == [len]
    assert signal == [len]
    assert hash(signal) == hash((len,))
    assert repr(signal) == f"<Signal owner=owner, frozen=True, {[len]!r}>"


@SIGNALS
def test_receiver_that_fails_ends_the_sending(cls, run):
    signal = cls("owner")
    calls = []

    @signal
    async def fail():
        raise ValueError("no")

    @signal
    async def later():
        calls.append(1)

    signal.freeze()
    with pytest.raises(ValueError, match="no"):
        run(signal.send())
    assert calls == []
