"""One sign-in for all tests that read through a connection."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.graph.authority import Authority, authority_in


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def signing_in(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Authority]:
    async with authority_in(tmp_path_factory.mktemp("authority")) as made:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("REQUESTS_CA_BUNDLE", str(made.ca))
            yield made
