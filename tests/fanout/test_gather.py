"""gather() and as_completed() with a limit."""

import asyncio
import contextvars
import inspect

import pytest

import aioxide

pytestmark = pytest.mark.usefixtures("nothing_runs")


async def double(item):
    await asyncio.sleep(0)
    return item * 2


async def fail(item):
    await asyncio.sleep(0)
    raise ValueError(item)


def states(coroutines):
    return {inspect.getcoroutinestate(one) for one in coroutines}


class TestGather:
    def test_without_limit_it_is_asyncios(self, run):
        async def main():
            future = aioxide.gather(double(1), double(2))
            control = asyncio.gather(double(1))
            assert type(future) is type(control)
            await control
            return await future

        assert run(main()) == [2, 4]

    @pytest.mark.parametrize("limit", [1, 2, 50])
    def test_results_are_in_order(self, run, limit):
        async def main():
            return await aioxide.gather(*[double(item) for item in range(20)], limit=limit)

        assert run(main()) == [item * 2 for item in range(20)]

    def test_nothing_to_do(self, run):
        async def main():
            return await aioxide.gather(limit=3)

        assert run(main()) == []

    def test_never_more_than_the_limit(self, run):
        active = most = 0

        async def call():
            nonlocal active, most
            active += 1
            most = max(most, active)
            await asyncio.sleep(0)
            active -= 1

        async def main():
            await aioxide.gather(*[call() for _ in range(30)], limit=4)

        run(main())
        assert most == 4

    def test_it_begins_without_being_awaited(self, run):
        async def main():
            future = aioxide.gather(double(1), limit=1)
            for _ in range(5):
                await asyncio.sleep(0)
            assert future.done()
            return future.result()

        assert run(main()) == [2]

    def test_first_exception_ends_it(self, run):
        async def main():
            coroutines = [double(1), fail(2), double(3), double(4), double(5)]
            with pytest.raises(ValueError, match="2"):
                await aioxide.gather(*coroutines, limit=2)
            assert states(coroutines) == {inspect.CORO_CLOSED}

        run(main())

    def test_exceptions_as_results(self, run):
        async def cancelled():
            raise asyncio.CancelledError

        async def main():
            return await aioxide.gather(
                double(1), fail(2), cancelled(), double(3), limit=2, return_exceptions=True
            )

        one, two, three, four = run(main())
        assert (one, four) == (2, 6)
        assert repr(two) == "ValueError(2)"
        assert type(three) is asyncio.CancelledError

    def test_cancelled_child(self, run):
        """As in asyncio."""

        async def cancelled():
            await asyncio.sleep(0)
            raise asyncio.CancelledError

        async def main():
            with pytest.raises(asyncio.CancelledError):
                await aioxide.gather(double(1), cancelled(), limit=2)

        run(main())

    def test_cancellation_cancels_all(self, run):
        async def main():
            given = asyncio.create_task(asyncio.Event().wait())
            coroutines = [asyncio.Event().wait() for _ in range(4)]
            future = aioxide.gather(given, *coroutines, limit=2)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            future.cancel()
            with pytest.raises(asyncio.CancelledError):
                await future
            assert states(coroutines) == {inspect.CORO_CLOSED}
            with pytest.raises(asyncio.CancelledError):
                await given

        run(main())

    def test_cancelled_before_its_first_step(self, run):
        async def main():
            coroutines = [double(item) for item in range(3)]
            future = aioxide.gather(*coroutines, limit=2)
            future.cancel()
            with pytest.raises(asyncio.CancelledError):
                await future
            await asyncio.sleep(0)
            assert states(coroutines) == {inspect.CORO_CLOSED}

        run(main())

    def test_tasks_that_were_given_go_on_behind_an_error(self, run):
        async def main():
            given = asyncio.create_task(double(4))
            slow = asyncio.create_task(asyncio.sleep(0, "slow"))
            with pytest.raises(ValueError, match="1"):
                await aioxide.gather(slow, fail(1), given, limit=2)
            assert await given == 8
            assert await slow == "slow"

        run(main())

    def test_same_awaitable_twice(self, run):
        async def main():
            one = double(1)
            return await aioxide.gather(one, double(2), one, limit=1)

        assert run(main()) == [2, 4, 2]

    def test_each_has_the_context_of_the_caller(self, run):
        name = contextvars.ContextVar("name")

        async def change(item):
            seen = name.get()
            name.set(item)
            await asyncio.sleep(0)
            return seen, name.get()

        async def main():
            name.set("caller")
            return await aioxide.gather(*[change(item) for item in range(5)], limit=2)

        assert run(main()) == [("caller", item) for item in range(5)]

    @pytest.mark.parametrize(
        ("limit", "error"), [(0, ValueError), ("2", TypeError), (True, TypeError)]
    )
    def test_mistakes_leave_nothing_unawaited(self, run, limit, error):
        async def main():
            coroutines = [double(1), double(2)]
            with pytest.raises(error, match="limit is"):
                aioxide.gather(*coroutines, limit=limit)
            assert states(coroutines) == {inspect.CORO_CLOSED}
            with pytest.raises(TypeError, match="awaitable is required, not int"):
                aioxide.gather(double(1), 5, limit=1)

        run(main())

    def test_without_a_loop(self):
        coroutine = double(1)
        with pytest.raises(RuntimeError, match="no running event loop"):
            aioxide.gather(coroutine, limit=1)
        assert states([coroutine]) == {inspect.CORO_CLOSED}


class TestAsCompleted:
    def test_without_limit_it_is_asyncios(self, run):
        async def main():
            return [await one for one in aioxide.as_completed([double(1), double(2)])]

        assert sorted(run(main())) == [2, 4]

    @pytest.mark.parametrize("asynchronous", [True, False])
    def test_order_of_completion(self, simulation, asynchronous):
        async def main():
            calls = [asyncio.sleep(delay, delay) for delay in (5, 1, 3, 1)]
            completed = aioxide.as_completed(calls, limit=2)
            if asynchronous:
                return [await future async for future in completed]
            return [await coroutine for coroutine in completed]

        assert simulation.run(main()) == [1, 3, 5, 1]

    def test_futures_that_were_given_come_back(self, run):
        async def main():
            task = asyncio.create_task(double(1))
            found = [future async for future in aioxide.as_completed([task, double(2)], limit=2)]
            assert task in found
            return sorted([future.result() for future in found])

        assert run(main()) == [2, 4]

    def test_exceptions(self, run):
        async def main():
            completed = aioxide.as_completed([fail(1), double(2)], limit=1)
            with pytest.raises(ValueError, match="1"):
                await next(completed)
            assert await next(completed) == 4
            with pytest.raises(StopIteration):
                next(completed)

        run(main())

    @pytest.mark.parametrize("asynchronous", [True, False])
    def test_timeout(self, simulation, asynchronous):
        async def main():
            calls = [asyncio.sleep(delay, delay) for delay in (1, 100, 1, 1)]
            completed = aioxide.as_completed(calls, limit=2, timeout=1.5)
            with pytest.raises(TimeoutError):
                if asynchronous:
                    async for _ in completed:
                        pass
                else:
                    for coroutine in completed:
                        await coroutine
            assert states(calls) == {inspect.CORO_CLOSED}
            assert asyncio.all_tasks() == {asyncio.current_task()}

        simulation.run(main())
        assert simulation.now == 1001.5

    @pytest.mark.parametrize("started", [True, False])
    def test_leaving_it_early(self, run, started):
        async def main():
            calls = [double(item) for item in range(10)]
            completed = aioxide.as_completed(calls, limit=2)
            if started:
                await next(completed)
            del completed
            for _ in range(5):
                await asyncio.sleep(0)
            assert states(calls) == {inspect.CORO_CLOSED}

        run(main())

    def test_mistakes(self, run):
        async def main():
            calls = [double(1)]
            with pytest.raises(ValueError, match="limit is at least 1"):
                aioxide.as_completed(calls, limit=0)
            assert states(calls) == {inspect.CORO_CLOSED}

        run(main())
