"""What every test may use: one real cluster for the session, and one with Curfew on it."""

from collections.abc import Iterator

import pytest

from localcluster import LocalCluster, chart, temporary
from tests.installed import wait_until_armed


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """A control plane for tests that leave its components alone."""
    with temporary() as running:
        yield running


@pytest.fixture(scope="session")
def guarded() -> Iterator[LocalCluster]:
    """A cluster with Curfew on it, from its chart and armed, for tests that leave it running."""
    with temporary() as running:
        chart.install(running)
        wait_until_armed(running)
        yield running
