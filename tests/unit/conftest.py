"""What tests of rules and use cases share."""

import pytest

from support.world import World


@pytest.fixture
def world() -> World:
    """Return a world in which nothing has happened yet."""
    return World()
