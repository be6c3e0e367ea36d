"""Why a container does not run yet, in the words that its status gives."""

from localcluster.errors import RigError


class NotYet(RigError):
    """It cannot run now; `reason` is one of Kubernetes' words, such as ContainerCreating."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
