"""What a chart installs runs: real Deployments, accounts, probes and Services, on no real node."""

import json
import os
import signal
import stat
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from localcluster import LocalCluster, RigError, pki
from localcluster.chart import NAMESPACE, install, uninstall

_IMAGE = "example.org/curfew:test"
_SCRIPT = Path(__file__).with_name("serve_in_a_pod.py")
_RBAC = "rbac.authorization.k8s.io"


def _object(version: str, kind: str, **rest: object) -> dict[str, object]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "app"}, **rest}


def _pod(container: dict[str, object], **spec: object) -> dict[str, object]:
    mounts = {"script": "/etc/app", "account": "/var/run/secrets/app", "tls": "/tls"}
    # A path above this Python's own: that it is mounted must not hide the programs on PATH.
    mounts["scratch"] = f"/{Path(sys.executable).parts[1]}"
    named = {
        "name": "app",
        "image": _IMAGE,
        "volumeMounts": [{"name": n, "mountPath": path} for n, path in mounts.items()],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "WHO", "value": "you"},
            {"name": "GREETING", "value": "hello $(WHO), $$(WHO), $(NOBODY), /etc/app"},
        ],
    }
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
        {"configMap": {"name": "kube-root-ca.crt"}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]
            }
        },
    ]
    return {
        "metadata": {"labels": {"app": "app"}},
        "spec": {
            "serviceAccountName": "app",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 5,
            "containers": [named | container],
            "volumes": [
                {"name": "script", "configMap": {"name": "app"}},
                {"name": "account", "projected": {"sources": sources}},
                {"name": "tls", "secret": {"secretName": "app"}},
                {"name": "scratch", "emptyDir": {}},
            ],
            **spec,
        },
    }


_SERVE: dict[str, object] = {
    "command": ["python", "/etc/app/serve.py"],
    "args": ["--account=/var/run/secrets/app", "--tls", "/tls", "--port=8443"],
    "ports": [{"name": "hook", "containerPort": 8443}],
    "readinessProbe": {"httpGet": {"path": "/healthz", "port": "hook", "scheme": "HTTPS"}},
    "livenessProbe": {"tcpSocket": {"port": 8443}},
}
_ONCE: dict[str, object] = {
    "command": ["python", "/etc/app/serve.py", "--account=/var/run/secrets/app", "--once"]
}


def _hook(authority: pki.Pair) -> dict[str, object]:
    return {
        "name": "app.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {
            "service": {"namespace": NAMESPACE, "name": "app"},
            "caBundle": b64encode(authority.certificate).decode(),
        },
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "refused"}},
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "resources": ["secrets"],
                "operations": ["CREATE"],
            }
        ],
    }


def _objects() -> list[dict[str, object]]:
    authority = pki.new_authority("hooks", datetime.now(UTC))  # noqa: TID251 - a test's certificate is of now
    host = f"app.{NAMESPACE}.svc"
    pair = pki.issue(authority, "hook", datetime.now(UTC), hosts=(host,))  # noqa: TID251 - the same
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["app"]}
    role = {"apiGroup": _RBAC, "kind": "Role", "name": "app"}
    selector = {"matchLabels": {"app": "app"}}
    pod = _pod(_SERVE)
    job = _pod(_ONCE, restartPolicy="Never")
    job["metadata"] = {}
    return [
        _object("v1", "ServiceAccount"),
        _object(f"{_RBAC}/v1", "Role", rules=[rule | {"verbs": ["get"]}]),
        _object(
            f"{_RBAC}/v1",
            "RoleBinding",
            roleRef=role,
            subjects=[{"kind": "ServiceAccount", "name": "app", "namespace": NAMESPACE}],
        ),
        _object("v1", "ConfigMap", data={"serve.py": _SCRIPT.read_text()}),
        _object(
            "v1",
            "Secret",
            stringData={"tls.crt": pair.certificate.decode(), "tls.key": pair.key.decode()},
        ),
        _object("apps/v1", "Deployment", spec={"selector": selector, "template": pod}),
        _object(
            "v1",
            "Service",
            spec={"selector": {"app": "app"}, "ports": [{"port": 443, "targetPort": "hook"}]},
        ),
        _object("batch/v1", "Job", spec={"template": job}),
        _object(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            webhooks=[_hook(authority)],
        ),
    ]


def _chart(directory: Path, objects: list[dict[str, object]]) -> Path:
    (directory / "templates").mkdir(parents=True)
    (directory / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 0.1.0\n")
    for number, found in enumerate(objects):
        # JSON is YAML, and helm does not look into what it gets as a file.
        (directory / f"{number}.json").write_text(json.dumps(found))
        template = f'{{{{ .Files.Get "{number}.json" }}}}'
        (directory / "templates" / f"{number}.yaml").write_text(template)
    return directory


@pytest.fixture(scope="module")
def app(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """The cluster with a small chart installed: helm waits until its Deployment is available."""
    directory = tmp_path_factory.mktemp("chart")
    install(cluster, chart=_chart(directory / "app", _objects()))
    yield cluster
    uninstall(cluster)


def _until(holds: Callable[[], object], what: str) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(what)


def _get(cluster: LocalCluster, kind: str, path: str) -> str:
    get = ("get", kind, "-n", NAMESPACE, "-o", f"jsonpath={{{path}}}")
    return cluster.kubectl(*get).stdout


def _served(cluster: LocalCluster) -> str:
    """The name of the Deployment's one Pod."""
    get = ("get", "pods", "-n", NAMESPACE, "-l", "app=app", "-o", "name")
    return cluster.kubectl(*get).stdout.strip().removeprefix("pod/")


def test_a_pod_has_the_power_of_its_own_account_and_no_other(app: LocalCluster) -> None:
    log = app.pod_log(NAMESPACE, _served(app))
    assert f"I am system:serviceaccount:{NAMESPACE}:app\n" in log
    assert f"/api/v1/namespaces/{NAMESPACE}/configmaps/app gives 200" in log
    assert f"/api/v1/namespaces/{NAMESPACE}/secrets gives 403" in log
    assert "/api/v1/nodes gives 403" in log


def test_a_pod_sees_its_own_variables_and_none_of_the_persons_who_started_it(
    app: LocalCluster,
) -> None:
    log = app.pod_log(NAMESPACE, _served(app))
    own = "'GREETING', 'HOME', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT',"
    assert f"variables: [{own} 'KUBERNETES_SERVICE_PORT_HTTPS', 'LANG', 'PATH'," in log
    assert "greeting: hello you, $(WHO), $(NOBODY), /etc/app\n" in log


def test_a_webhook_behind_the_charts_service_answers(app: LocalCluster) -> None:
    app.kubectl("create", "namespace", "refused")
    secret = ("create", "secret", "generic", "s", "-n", "refused", "--dry-run=server")
    said = ""

    def refused() -> bool:
        nonlocal said
        said = app.kubectl(*secret, check=False).stderr
        return f"{_served(app)} says no" in said

    _until(refused, said)


def test_the_job_succeeds_and_its_log_stays(app: LocalCluster) -> None:
    _until(lambda: _get(app, "jobs", ".items[0].status.succeeded") == "1", "no success")
    pod = next(name for name in app.pods(NAMESPACE) if name != _served(app))
    assert f"I am system:serviceaccount:{NAMESPACE}:app" in app.pod_log(NAMESPACE, pod)
    with pytest.raises(RigError, match="no container"):
        app.pod_process_id(NAMESPACE, pod)


def test_mounted_files_are_private_and_follow_their_source(app: LocalCluster) -> None:
    home = Path(psutil.Process(app.pod_process_id(NAMESPACE, _served(app))).cwd())
    volumes = home / "volumes"
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in volumes.rglob("*") if p.is_file()}
    assert set(modes.values()) == {0o600}
    patch = json.dumps({"data": {"more": b64encode(b"news").decode()}})
    app.kubectl("patch", "secret", "app", "-n", NAMESPACE, "--patch", patch)
    more = volumes / "tls" / "more"
    _until(lambda: more.exists() and more.read_bytes() == b"news", "the Secret is not followed")
    assert (volumes / "tls" / "tls.crt").is_file()


def test_a_process_that_is_killed_starts_again_and_is_counted(app: LocalCluster) -> None:
    pod, before = _served(app), app.pod_process_id(NAMESPACE, _served(app))
    os.kill(before, signal.SIGKILL)
    status = ".items[0].status.containerStatuses[0]"
    selected = ("get", "pods", "-n", NAMESPACE, "-l", "app=app", "-o")

    def told(path: str) -> str:
        return app.kubectl(*selected, f"jsonpath={{{status}{path}}}").stdout

    _until(lambda: told(".restartCount") == "1" and told(".ready") == "true", "no restart")
    assert told(".lastState.terminated.exitCode") == "137"
    assert _served(app) == pod
    assert app.pod_process_id(NAMESPACE, pod) != before


def test_a_pod_that_is_not_wanted_any_more_is_ended_politely(app: LocalCluster) -> None:
    pod = _served(app)
    process = app.pod_process_id(NAMESPACE, pod)
    app.kubectl("scale", "deployment", "app", "-n", NAMESPACE, "--replicas=0")
    _until(lambda: pod not in app.pods(NAMESPACE), "the Pod stays")
    assert not psutil.pid_exists(process)
    assert app.pod_log(NAMESPACE, pod).endswith("told to end\n")
    assert json.loads((app.directory / "endpoints.json").read_text()) == {}


def test_a_failed_installation_tells_helms_words_and_the_pods(
    app: LocalCluster, tmp_path: Path
) -> None:
    broken = {"name": "x", "image": _IMAGE, "command": ["python", "-c", "exit('out of luck')"]}
    labels = {"app": "broken"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [broken]}}
    # A container without a readiness probe is ready from its start, as on any node: on a busy
    # machine that may be long enough for helm, so it has to last.
    selector = {"matchLabels": labels}
    spec = {"selector": selector, "template": template, "minReadySeconds": 30}
    deployment = _object("apps/v1", "Deployment", spec=spec) | {"metadata": {"name": "broken"}}
    chart = _chart(tmp_path / "broken", [deployment])
    with pytest.raises(RigError, match=r"(?s)helm: .*CrashLoopBackOff.*out of luck"):
        install(app, "--timeout", "3s", chart=chart)
    with pytest.raises(RigError, match="there is no chart in"):
        install(app, chart=tmp_path)
