"""A real single-node Kubernetes on this machine, for trying the operator out and for its tests.

It runs the unmodified upstream components as plain processes, so that a test here meets the API server,
kubelet and proxy that a user's cluster has. It refuses to be more than that: one node, nothing survives
`down`, and nothing listens outside loopback and its own bridge.
"""

from hack.cluster.images import load

__all__ = ["load"]
