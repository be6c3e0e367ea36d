"""The API server goes away and comes back: said once, seen in /readyz and metrics, and mended."""

import time
import urllib.error
import urllib.request

import psutil

from localcluster import LocalCluster, chart, temporary
from tests.installed import SYSTEM, wait_until, wait_until_armed


def _get(cluster: LocalCluster, component: str, path: str) -> tuple[int, str]:
    (pod,) = [one for one in cluster.pods(SYSTEM) if component in one]
    return _ask(cluster.pod_process_id(SYSTEM, pod), path)


def _ask(process: int, path: str) -> tuple[int, str]:
    argv = psutil.Process(process).cmdline()
    port = next(word.partition("=")[2] for word in argv if word.startswith("--health-port="))
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _processes(cluster: LocalCluster) -> dict[str, int]:
    return {pod: cluster.pod_process_id(SYSTEM, pod) for pod in cluster.pods(SYSTEM)}


def test_an_outage_is_logged_once_turns_readyz_red_and_is_over_by_itself() -> None:
    with temporary() as cluster:
        chart.install(cluster, "--set=webhook.replicas=1")
        wait_until_armed(cluster)
        processes = _processes(cluster)
        assert len(processes) == 2
        for process in processes.values():
            wait_until(lambda: _ask(process, "/readyz")[0] == 200, "ready")  # noqa: B023 - used at once
        cluster.kill("kube-apiserver")
        for process in processes.values():
            wait_until(lambda: _ask(process, "/readyz")[0] == 503, "not ready")  # noqa: B023 - used at once
            assert _ask(process, "/healthz")[0] == 200
        for pod, process in processes.items():
            away = 'curfew_cache_synced{resource="roles"} 0.0'
            away = "curfew_cluster_away 1.0" if "operator" in pod else away
            wait_until(lambda: away in _ask(process, "/metrics")[1], away)  # noqa: B023 - used at once
        time.sleep(5)  # several tries more, each of which could be logged
        for process in processes.values():
            assert "curfew_cluster_outages_total 1.0" in _ask(process, "/metrics")[1]
        cluster.start("kube-apiserver")
        for pod, process in processes.items():
            wait_until(lambda: _ask(process, "/readyz")[0] == 200, "ready again")  # noqa: B023 - used at once
            words = "cannot be swept" if "operator" in pod else "cannot be watched"
            assert cluster.pod_log(SYSTEM, pod).count(words) == 1
        assert _processes(cluster) == processes
