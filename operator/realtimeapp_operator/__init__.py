"""The RealtimeApp operator: runs realtime Django applications on Kubernetes."""

__version__ = "0.1.0"
