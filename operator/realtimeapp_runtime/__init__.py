"""What runs inside the user's pods: a settings overlay, an ASGI wrapper and the launcher that starts both.

Standard library only and Python 3.9 or newer, because it runs on whatever interpreter the user's image has. It never talks to
Kubernetes and never writes outside its run directory and the termination message.
"""
