"""Fixtures of the local cluster's own tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.k8s.local.api_kit import Api, api_server


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """An API server of the test's own."""
    async with api_server(tmp_path) as running:
        yield running
