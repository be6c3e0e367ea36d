"""What can go wrong with the rig, in words for the person who started it."""


class RigError(Exception):
    """The cluster cannot be had; the text says what is wrong and what would cure it."""


class NoBinaries(RigError):
    """Neither supplied, cached, downloadable nor buildable."""


class WrongBinary(RigError):
    """A supplied or downloaded binary is not what it should be."""


class ComponentFailed(RigError):
    """A component ended, or did not get ready, while it was waited for."""


class NotACluster(RigError):
    """The directory does not hold a local cluster, so it is neither used nor removed."""
