"""Write what is generated: the chart's CRDs from the code's types, and `manifests/` from the chart.

`python charts/generate.py --helm PATH`; with `--check` nothing is written, and what is stale is
named (exit 1).
"""

import argparse
import subprocess
import sys
from collections.abc import Callable  # noqa: TC003 - as everywhere else, plainly imported
from pathlib import Path

import yaml

from curfew.access.schema import KINDS, crd

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "curfew"
_NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: curfew-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


def crds() -> str:
    """The CustomResourceDefinitions, as a template of the chart."""
    documents = [crd(kind) for kind in KINDS]
    head = "# Generated from core/curfew/access/api.py by charts/generate.py (make generate).\n"
    text: str = yaml.safe_dump_all(documents, sort_keys=False, width=100)
    return head + text


def manifests(helm: str) -> str:
    """The chart, rendered with its own values for Kubernetes 1.36 and without hooks."""
    served = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
    argv = [helm, "template", "curfew", str(CHART), "--namespace=curfew-system", "--no-hooks"]
    versions = ["--kube-version=1.36.0", f"--api-versions={served}"]
    done = subprocess.run([*argv, *versions], capture_output=True, text=True, check=True)
    head = "# Generated from charts/curfew by charts/generate.py (make generate).\n"
    return f"{head}{_NAMESPACE}{done.stdout}"


def stale(helm: str, *, write: bool) -> list[Path]:
    """The generated files that are not what they should be; written anew if `write`."""
    found = []
    # In this order: the manifests are rendered from a chart that holds the CRDs.
    targets: dict[Path, Callable[[], str]] = {
        CHART / "templates" / "crds.yaml": crds,
        ROOT / "manifests" / "curfew.yaml": lambda: manifests(helm),
    }
    for path, make in targets.items():
        text = make()
        if not path.exists() or path.read_text() != text:
            found.append(path)
            if write:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    return found


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--helm", required=True, help="the helm program")
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    options = parser.parse_args()
    found = stale(options.helm, write=not options.check)
    for path in found:
        print(path.relative_to(ROOT), "is stale" if options.check else "written")
    return 1 if found and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
