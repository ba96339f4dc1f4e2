"""Benchmarks: the same asyncio programs on aioxide and on its peers. See README.md."""
