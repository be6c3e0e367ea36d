"""Start of a local cluster until every component works: cold, and warm as a ratio to it.

Cold is an empty directory (certificates, an empty etcd, the API server's first bootstrap). Warm is
the same directory again, with its data. The programs are on the disk in both.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from localcluster import temporary

ROUNDS = 3


def main() -> None:
    """Start three clusters twice each and print medians."""
    cold, warm = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        with temporary() as cluster:
            cold.append(time.perf_counter() - started)
            cluster.kill_all()
            started = time.perf_counter()
            cluster.start_all()
            warm.append(time.perf_counter() - started)
    first, again = statistics.median(cold), statistics.median(warm)
    print(f"cluster start, cold {first:.2f} s, warm {again:.2f} s, ratio {again / first:.3f}")


if __name__ == "__main__":
    main()
