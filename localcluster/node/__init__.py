"""A stand-in for a node: runs Pods of the image `curfew` as processes of this machine.

There is no image, no network and no mount namespace. The command is looked up in the environment
of this Python, a container's port becomes a free one on loopback, and a mount becomes a directory
of the Pod's own; arguments and variables that name the one are rewritten to the other.
Everything else (accounts, tokens, probes, restarts, the polite end) is as a kubelet does it.
"""
