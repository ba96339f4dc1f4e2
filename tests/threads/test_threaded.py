"""threaded(): calls in threads, three ways to use one, limits, and what is cancelled."""

import asyncio
import contextlib
import contextvars
import functools
import gc
import sqlite3
import threading

import pytest

import aioxide
from aioxide import threaded

NAME = contextvars.ContextVar("NAME", default="default")


@pytest.fixture(autouse=True)
def pool_is_ended(loop):
    """What asyncio.run() does before it closes a loop."""
    yield
    loop.run_until_complete(loop.shutdown_asyncgens())


class Gate:
    """A call that stands still in its thread until it is let go."""

    def __init__(self):
        self.entered = threading.Event()
        self.open = threading.Event()
        self.ended = threading.Event()
        self.calls = 0

    def __call__(self, result=None):
        self.calls += 1
        self.entered.set()
        try:
            assert self.open.wait(30)
            return result
        finally:
            self.ended.set()


async def until(event):
    """The event of another thread, without holding the loop up."""
    while not event.is_set():
        await asyncio.sleep(0)


def test_result_arguments_and_thread(run):
    def call(a, *, b):
        return a, b, threading.get_ident()

    a, b, ident = run(_await(threaded(call)(1, b=2)))
    assert (a, b) == (1, 2)
    assert ident != threading.get_ident()


async def _await(awaitable):
    return await awaitable


@pytest.mark.parametrize("error", [ValueError, KeyError, SystemExit])
def test_exception(run, error):
    def call():
        raise error("mine")

    async def main():
        with pytest.raises(error, match="mine"):
            await threaded(call)()

    run(main())


def test_stop_iteration_cannot_come_through(run):
    async def main():
        with pytest.raises(RuntimeError, match="the call raised StopIteration"):
            await threaded(next)(iter(()))

    run(main())


def test_context_is_the_callers_and_changes_stay(run):
    def call():
        before = NAME.get()
        NAME.set("thread")
        return before

    async def main():
        NAME.set("caller")
        assert await threaded(call)() == "caller"
        assert NAME.get() == "caller"

    run(main())


def test_nothing_happens_before_it_is_used(run):
    calls = []
    threaded(calls.append)(1)
    gc.collect()
    assert calls == []


def test_wrapper_looks_like_the_function():
    wrapped = threaded(functools.partial(print))
    assert "threaded functools.partial" in repr(wrapped)
    assert threaded(test_exception).__name__ == "test_exception"
    assert threaded(test_exception).__doc__ == test_exception.__doc__


def test_method_of_a_class(run):
    class Client:
        @threaded
        def get(self, item):
            return self, item

    client = Client()
    assert run(_await(client.get(5))) == (client, 5)


class TestObject:
    def test_methods_and_attributes(self, run):
        class Client:
            kind = "plain"

            def where(self):
                return threading.get_ident()

        async def main():
            client = threaded(Client())
            assert await client.where() != threading.get_ident()
            assert client.kind == "plain"
            client.kind = "changed"
            assert client.__wrapped__.kind == "changed"
            del client.kind
            assert client.kind == "plain"
            assert "where" in dir(client)
            with pytest.raises(AttributeError, match="no attribute 'wher'"):
                _ = client.wher

        run(main())

    def test_callable_object(self, run):
        class Client:
            def __call__(self, item):
                return item, threading.get_ident()

        item, ident = run(_await(threaded(Client())(5)))
        assert item == 5
        assert ident != threading.get_ident()

    def test_context_manager(self, run):
        seen = []

        class Client:
            def __enter__(self):
                seen.append(("enter", threading.get_ident()))
                return self

            def __exit__(self, kind, error, trace):
                seen.append((kind, threading.get_ident()))
                return kind is KeyError

            def get(self):
                return "got"

        async def main():
            async with threaded(Client()) as client:
                assert await client.get() == "got"
            async with threaded(Client()):
                raise KeyError
            with pytest.raises(LookupError):
                async with threaded(Client()):
                    raise LookupError

        run(main())
        assert [what for what, _ in seen] == [
            "enter",
            None,
            "enter",
            KeyError,
            "enter",
            LookupError,
        ]
        assert threading.get_ident() not in [ident for _, ident in seen]

    def test_iteration(self, run):
        async def main():
            return [item async for item in threaded([1, 2, 3])]

        assert run(main()) == [1, 2, 3]


class TestIteration:
    def test_generator(self, run):
        idents, contexts = [], []

        def generate(count):
            for item in range(count):
                idents.append(threading.get_ident())
                contexts.append(NAME.get())
                NAME.set(f"item {item}")
                yield item

        async def main():
            return [item async for item in threaded(generate)(4)]

        assert run(main()) == [0, 1, 2, 3]
        assert threading.get_ident() not in idents
        # One context for all of it, as a generator has that is run at one go.
        assert contexts == ["default", "item 0", "item 1", "item 2"]

    def test_exception(self, run):
        def generate():
            yield 1
            raise ValueError("mine")

        async def main():
            found = []
            with pytest.raises(ValueError, match="mine"):
                async for item in threaded(generate)():
                    found.append(item)  # noqa: PERF401 - as they come
            return found

        assert run(main()) == [1]

    def test_generator_that_is_left_is_closed_in_a_thread(self, run):
        closed = threading.Event()
        idents = []

        def generate():
            try:
                while True:
                    yield 1
            finally:
                idents.append(threading.get_ident())
                closed.set()

        async def main():
            async for _ in threaded(generate)():
                break
            gc.collect()
            await until(closed)

        run(main())
        assert idents != [threading.get_ident()]

    def test_generator_that_is_cancelled_at_work_is_closed_later(self, run):
        gate, closed = Gate(), threading.Event()

        def generate():
            try:
                yield 1
                yield gate()
            finally:
                closed.set()

        async def iterate():
            async with contextlib.aclosing(aiter(threaded(generate)())) as items:
                async for _ in items:
                    pass

        async def main():
            task = asyncio.create_task(iterate())
            await until(gate.entered)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not closed.is_set()
            gate.open.set()
            await until(closed)

        run(main())


class TestContextManager:
    def test_of_a_call(self, run, tmp_path):
        path = tmp_path / "file"

        async def main():
            async with threaded(open)(path, "w") as file:
                await file.write("one\ntwo\n")
            assert file.closed
            async with threaded(open)(path) as file:
                return [line async for line in file]

        assert run(main()) == ["one\n", "two\n"]

    def test_plain_values_have_no_proxy(self, run):
        async def main():
            async with threaded(contextlib.nullcontext)([1]) as value:
                assert value == [1]
                assert type(value) is list

        run(main())

    def test_entered_after_a_cancellation_is_left(self, run):
        gate, left = Gate(), threading.Event()

        @contextlib.contextmanager
        def manager():
            gate()
            try:
                yield
            except asyncio.CancelledError:
                left.set()
                raise

        async def enter():
            async with threaded(manager)():
                pytest.fail("entered")

        async def main():
            task = asyncio.create_task(enter())
            await until(gate.entered)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.open.set()
            await until(left)

        run(main())

    def test_objects_that_are_bound_to_a_thread(self, run, tmp_path):
        async def main():
            connect = threaded(lambda path: contextlib.closing(sqlite3.connect(path)), limit=1)
            async with connect(tmp_path / "x.db") as db:
                await db.execute("CREATE TABLE t (x)")
                await db.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
                rows = [row async for row in db.execute("SELECT x FROM t")]
                await db.commit()
            return rows

        assert run(main()) == [(1,), (2,)]


class TestLimit:
    @pytest.mark.parametrize("limit", [1, 3])
    def test_never_more_than_the_limit(self, run, limit):
        lock = threading.Lock()
        active = most = 0
        full = threading.Event()

        def call(item):
            nonlocal active, most
            with lock:
                active += 1
                most = max(most, active)
                if active == limit:
                    full.set()
            assert full.wait(30)
            with lock:
                active -= 1
            return item

        async def main():
            return await aioxide.amap(threaded(call, limit=limit), range(50))

        assert run(main()) == list(range(50))
        assert most == limit

    def test_one_is_always_the_same_thread(self, run):
        async def main():
            ident = threaded(threading.get_ident, limit=1)
            return {await ident() for _ in range(5)} | set(
                await asyncio.gather(*[_await(ident()) for _ in range(5)])
            )

        assert len(run(main())) == 1

    def test_its_thread_ends_with_it(self, run):
        async def main():
            before = set(threading.enumerate())
            ident = threaded(threading.get_ident, limit=1)
            await ident()
            [thread] = set(threading.enumerate()) - before
            del ident
            gc.collect()
            return thread

        thread = run(main())
        thread.join(30)
        assert not thread.is_alive()

    def test_many_more_calls_than_threads(self, run):
        async def main():
            call = threaded(abs, limit=2)
            return await asyncio.gather(*[_await(call(-item)) for item in range(500)])

        assert run(main()) == list(range(500))

    @pytest.mark.parametrize(
        ("limit", "error"), [(0, ValueError), (1.5, TypeError), (True, TypeError)]
    )
    def test_mistakes(self, limit, error):
        with pytest.raises(error, match="limit is"):
            threaded(abs, limit=limit)


class TestCancellation:
    def test_of_a_call_at_work(self, run):
        gate = Gate()

        async def main():
            task = asyncio.create_task(_await(threaded(gate, limit=1)("late")))
            await until(gate.entered)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            notes = " ".join(caught.value.__notes__)
            assert "goes on in its thread, and its result is dropped" in notes
            gate.open.set()
            await until(gate.ended)

        run(main())

    def test_of_a_call_that_waits(self, run):
        """It is not made; and the place in the limit is free again."""
        gate, calls = Gate(), []

        def call(item):
            calls.append(item)
            return item

        def either(item):
            return gate(item) if item == 0 else call(item)

        async def main():
            proxy = threaded(either, limit=1)
            first = asyncio.create_task(_await(proxy(0)))
            await until(gate.entered)
            second, third = (asyncio.create_task(_await(proxy(item))) for item in (1, 2))
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await second
            assert "had not begun, and is not called" in " ".join(caught.value.__notes__)
            gate.open.set()
            assert await first == 0
            assert await third == 2
            assert calls == [2]

        run(main())

    def test_keeps_its_place_until_it_has_ended(self, run):
        gate = Gate()

        async def main():
            proxy = threaded(gate, limit=1)
            first = asyncio.create_task(_await(proxy()))
            await until(gate.entered)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            second = asyncio.create_task(_await(proxy("second")))
            await asyncio.sleep(0)
            assert gate.calls == 1
            gate.open.set()
            assert await second == "second"

        run(main())


class TestPool:
    def test_threads_are_used_again(self, run):
        async def main():
            ident = threaded(threading.get_ident)
            return {await ident() for _ in range(20)}

        assert len(run(main())) == 1

    def test_shutdown_waits_for_what_is_at_work(self, loop, run):
        gate = Gate()

        async def main():
            task = asyncio.create_task(_await(threaded(gate)()))
            await until(gate.entered)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(main())
        loop.call_later(0, gate.open.set)
        run(loop.shutdown_asyncgens())
        assert gate.ended.is_set()

    def test_proxy_goes_from_loop_to_loop(self, loop_factory):
        proxy = threaded(abs)
        for _ in range(2):
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                assert runner.run(_await(proxy(-1))) == 1
                assert runner.run(_await(proxy(-2))) == 2

    def test_loop_that_is_only_closed(self, loop_factory):
        """Its threads end all the same, at once or when it is collected."""
        before = set(threading.enumerate())
        loop = loop_factory()
        loop.run_until_complete(_await(threaded(abs)(-1)))
        [thread] = set(threading.enumerate()) - before
        loop.close()
        del loop
        gc.collect()
        thread.join(30)
        assert not thread.is_alive()


def test_mistakes(run):
    async def already():
        pass

    with pytest.raises(TypeError, match="None; give a function or an object"):
        aioxide.threaded(print())
    with pytest.raises(TypeError, match="is async already"):
        threaded(already)
    with pytest.raises(RuntimeError, match="no running event loop"):
        threaded(abs)(-1).__await__().send(None)
