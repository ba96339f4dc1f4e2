"""A fixture that looks white-box, and one that is."""

from unittest import mock

import pytest


@pytest.fixture
def holder():
    return mock.Mock()


@pytest.fixture
def mocked_loop():
    return mock.Mock()
