"""An entry point as it is sometimes seen: it assigns the settings module, whatever the environment says."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "ledger.settings"

from ledger.asgi import application

__all__ = ["application"]
