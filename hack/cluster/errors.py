"""What a person reads when the cluster cannot do what they asked."""

OWN_CLUSTER = (
    "A cluster of your own works instead: set KUBECONFIG=… to one of kind, k3d, minikube or a real cluster."
)


class ClusterError(Exception):
    """A sentence for the person at the keyboard; the command prints it and exits with 1."""


class UnsuitableMachineError(ClusterError):
    """The machine lacks something the cluster cannot do without."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} {OWN_CLUSTER}")


class UnreachableError(ClusterError):
    """The API server does not answer: not yet, or no longer."""
