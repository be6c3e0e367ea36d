"""Curfew's own chart, installed into a local cluster and taken out again with helm.

Helm's caches and settings are the cluster's, so that those of the person who runs it neither matter
nor change; nothing is fetched from the network.
"""

import os
import subprocess
import sys
from pathlib import Path

from localcluster import containers
from localcluster.cluster import LocalCluster
from localcluster.errors import RigError

CHART = Path(__file__).parents[1] / "charts" / "curfew"
NAMESPACE = "curfew-system"
RELEASE = "curfew"
PLUGIN = "kubectl-curfew"
GUARD = "rbac-guard-see-runbook.curfew.dev"
Done = subprocess.CompletedProcess[str]
_LAST_LINES = 10
_CURE = (
    "a guard that is armed has lost its webhook; make way for the new one:"
    " kubectl delete validatingwebhookconfiguration curfew"
)


def install(cluster: LocalCluster, *flags: str, chart: Path = CHART) -> str:
    """Install the chart, or bring its release up to date, and wait until everything runs.

    `flags` are helm's own. Returns what helm says; raises RigError with helm's words, the state of
    the Pods and the ends of their logs.
    """
    if not (chart / "Chart.yaml").is_file():
        raise RigError(f"there is no chart in {chart}: run this from a checkout that has one")
    wait = ("--create-namespace", "--wait", "--timeout", "120s")
    _link_plugin(cluster)
    done = _helm(cluster, "upgrade", "--install", RELEASE, str(chart), *wait, *flags)
    if done.returncode != 0:
        words = f"helm: {done.stderr.strip()}\n{_symptoms(cluster)}".strip()
        if "failed calling webhook" in done.stderr:
            words += f"\n{_CURE}"
        raise RigError(words)
    return done.stdout


def uninstall(cluster: LocalCluster) -> str:
    """Take the release out and wait until it is gone; RigError with helm's words if that fails."""
    done = _helm(cluster, "uninstall", RELEASE, "--wait")
    if done.returncode != 0:
        raise RigError(f"helm: {done.stderr.strip()}")
    return done.stdout


def failure_policy(cluster: LocalCluster) -> str:
    """The guard's failure policy: Ignore until it is armed, then Fail ("": there is no guard)."""
    path = f'jsonpath={{.webhooks[?(@.name=="{GUARD}")].failurePolicy}}'
    get = ("get", "validatingwebhookconfiguration", "curfew", "-o", path)
    return cluster.kubectl(*get, check=False).stdout


def curfew(cluster: LocalCluster, kubeconfig: Path, *arguments: str) -> Done:
    """`kubectl curfew` as somebody, found by kubectl in the cluster's bin directory."""
    path = os.pathsep.join((str(cluster.directory / "bin"), os.environ["PATH"]))
    return subprocess.run(
        [cluster.binaries["kubectl"], "curfew", *arguments, f"--kubeconfig={kubeconfig}"],
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _link_plugin(cluster: LocalCluster) -> None:
    """Put `kubectl curfew` beside kubectl, from the environment that the Pods run in."""
    plugin = Path(sys.executable).parent / PLUGIN
    link = cluster.directory / "bin" / PLUGIN
    if plugin.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(plugin)


def _helm(cluster: LocalCluster, *arguments: str) -> Done:
    home = cluster.directory / "helm"
    theirs = {k: v for k, v in os.environ.items() if not k.startswith(("HELM_", "KUBE"))}
    ours = {f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    where = (f"--kubeconfig={cluster.kubeconfig}", f"--namespace={NAMESPACE}")
    return subprocess.run(
        [cluster.binaries["helm"], *arguments, *where],
        env=theirs | ours,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _symptoms(cluster: LocalCluster) -> str:
    pods = cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", f"jsonpath={_STATES}", check=False)
    parts = [pods.stdout.strip()]
    for log in containers.logs(cluster.directory, NAMESPACE):
        lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        parts.append("\n".join([f"the end of {log}:", *lines]))
    return "\n".join(part for part in parts if part)


_STATES = (
    "{range .items[*]}{.metadata.name}: {.status.phase} {range .status.containerStatuses[*]}"
    '{.state.waiting.reason} {.state.waiting.message}{end}{"\\n"}{end}'
)
