"""A suite of a few tests, in the manner of test_asyncio, for the tests of the harness."""
