"""What holds for every test: async tests run on asyncio, and property tests draw the same examples each time."""

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("steady")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
