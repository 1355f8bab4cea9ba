"""`realtimeapp_runtime.asgi:application`: the user's application in the wrapper. Importing it is starting it.

A failure is reported and ends the process here, because servers turn an exception of this import into a traceback and some exit
code of their own.
"""

from __future__ import annotations

from typing import Any

from realtimeapp_runtime import applications, failure, paths, preload
from realtimeapp_runtime.wrapper import Wrapper


def compose() -> Wrapper:
    """Return the wrapped application of this pod; raise StartupFailure."""
    config = preload.load_config()
    proxies = preload.read_trusted_proxies(config)
    preload.load_settings()
    application: Any = applications.load_asgi(config)
    return Wrapper(application, config=config, proxies=proxies, run_dir=paths.run_dir())


try:
    application = compose()
except failure.StartupFailure as error:
    failure.exit_with(error)
