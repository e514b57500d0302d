import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The SDKs and the embedded engine are made for asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_providers_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, address or proxy of the person who runs the tests has a say in them."""
    import os

    for name in os.environ:
        if name.endswith(("_API_KEY", "_BASE_URL")) or name.lower().endswith("_proxy") or name.startswith("OPENAI_"):
            monkeypatch.delenv(name)
