"""A real control plane on loopback, and a small stand-in for a node.

Curfew's claims are claims about Kubernetes, so they are tried on Kubernetes: nothing here imitates
an API server. This package is a test rig. It knows nothing of the product, so it can judge it.
"""

from localcluster.cluster import LocalCluster
from localcluster.errors import RigError
from localcluster.temporary import temporary

__all__ = ["LocalCluster", "RigError", "temporary"]
