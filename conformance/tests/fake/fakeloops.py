"""Loops that are asyncio's but for one method."""

import asyncio
import os
import threading

Selector = asyncio.SelectorEventLoop


class Sound(Selector):
    pass


class Failing(Selector):
    def create_future(self):
        raise NotImplementedError("create_future")


class Hanging(Selector):
    def get_task_factory(self):
        threading.Event().wait()


class Crashing(Selector):
    def set_exception_handler(self, handler):
        os.abort()


def nothing():
    raise OSError("no loop today")
