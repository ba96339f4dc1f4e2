"""Runs somebody else's test suite on an event loop, each test class in a process of its own."""
