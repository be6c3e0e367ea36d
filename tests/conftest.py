"""What every test may use: one real cluster for the session."""

from collections.abc import Iterator

import pytest

from localcluster import LocalCluster, temporary


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """A control plane for tests that leave its components alone."""
    with temporary() as running:
        yield running
