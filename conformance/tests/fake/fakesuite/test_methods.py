# ruff: noqa: PT009 - written as the suite that it stands for
"""Each test leans on one method that the fake loops break in one way."""

import asyncio
import unittest


class LoopTests(unittest.TestCase):
    def setUp(self):
        self.loop = asyncio.new_event_loop()
        self.addCleanup(self.loop.close)

    def test_debug(self):
        self.loop.set_debug(True)
        self.assertTrue(self.loop.get_debug())

    def test_future(self):
        self.assertFalse(self.loop.create_future().done())

    def test_task_factory(self):
        self.assertIsNone(self.loop.get_task_factory())

    def test_exception_handler(self):
        self.assertIsNone(self.loop.set_exception_handler(None))

    def test_call_soon(self):
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    def test_broken_everywhere(self):
        self.fail("on every loop")

    def test_skipped(self):
        self.skipTest("not today")

    @unittest.expectedFailure
    def test_known_bug(self):
        self.fail("and known")


class AsyncTests(unittest.IsolatedAsyncioTestCase):
    async def test_running_loop(self):
        loop = asyncio.get_running_loop()
        self.assertIsInstance(loop, asyncio.SelectorEventLoop)
        self.assertFalse(loop.is_closed())


class RunTests(unittest.TestCase):
    def test_run(self):
        async def main():
            return type(asyncio.get_running_loop())

        made = asyncio.SelectorEventLoop("a selector")
        self.addCleanup(made.close)
        self.assertIs(asyncio.run(main()), type(made))


class NoLoopTests(unittest.TestCase):
    def test_future_class(self):
        self.assertTrue(asyncio.isfuture(asyncio.Future(loop=unittest.mock.Mock())))

    def test_fails_without_a_loop(self):
        self.fail("no fault of the loop")


class ConcreteTests(LoopTests):
    """Stands for asyncio's loop on another selector."""

    def create_event_loop(self):
        return asyncio.SelectorEventLoop()
