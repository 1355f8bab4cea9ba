"""`realtimeapp_runtime.wsgi:application`: the user's WSGI application in the wrapper. Importing it is starting it; see asgi.py."""

from __future__ import annotations

from realtimeapp_runtime import applications, failure, paths, preload
from realtimeapp_runtime.wsgi_wrapper import Wrapper


def compose() -> Wrapper:
    """Return the wrapped application of this pod; raise StartupFailure."""
    config = preload.load_config()
    proxies = preload.read_trusted_proxies(config)
    preload.load_settings()
    application = applications.load_wsgi(config)
    return Wrapper(application, drain=config.drain, proxies=proxies, run_dir=paths.run_dir())


try:
    application = compose()
except failure.StartupFailure as error:
    failure.exit_with(error)
