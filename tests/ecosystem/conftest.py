"""The servers that some of these tests talk to; one of each for the whole session."""

import pytest

from . import services


@pytest.fixture(scope="session")
def redis_port():
    with services.redis_server() as port:
        yield port


@pytest.fixture(scope="session")
def postgres_port():
    with services.postgres_server() as port:
        yield port
