# ruff: noqa: PT009 - written as the suite that it stands for
"""Tests that depend on each other, and classes that break outside of a test."""

import asyncio
import multiprocessing
import os
import unittest

before = []


class LeakTests(unittest.TestCase):
    def tearDown(self):
        before.append(self)

    def test_first(self):
        asyncio.new_event_loop().close()

    def test_second(self):
        asyncio.new_event_loop().close()
        self.assertEqual(before, [])


class SetUpClassTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        asyncio.new_event_loop().create_future()

    def test_any(self):
        pass


class LastCleanupTests(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        if os.environ.get("FAKE_ABORT"):
            os.abort()

    def test_any(self):
        asyncio.new_event_loop().close()


class SpawnTests(unittest.TestCase):
    def test_child(self):
        asyncio.new_event_loop().close()
        child = multiprocessing.get_context("spawn").Process(target=os.getpid)
        child.start()
        child.join()
        self.assertEqual(child.exitcode, 0)
