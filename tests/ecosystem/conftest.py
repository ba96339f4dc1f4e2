"""The servers that some of these tests talk to; one of each, until these tests end."""

import pytest

from . import services


@pytest.fixture(scope="package")
def redis_port():
    with services.redis_server() as port:
        yield port


@pytest.fixture(scope="package")
def postgres_port():
    with services.postgres_server() as port:
        yield port
