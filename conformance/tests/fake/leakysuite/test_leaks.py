"""Each test leaves one thing; each is no failure."""

import asyncio
import time
import unittest


async def wait():
    await asyncio.sleep(3600)


class Tests(unittest.TestCase):
    def setUp(self):
        self.loop = asyncio.new_event_loop()
        self.addCleanup(self.loop.close)

    def test_server(self):
        async def serve():
            await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)

        self.loop.run_until_complete(serve())

    def test_blocks(self):
        async def block():
            time.sleep(0.2)

        self.loop.run_until_complete(block())

    def test_end_of_a_run(self):
        async def spawn():
            self.task = asyncio.create_task(wait())
            await asyncio.sleep(0)

        asyncio.run(spawn())
