"""The module DJANGO_SETTINGS_MODULE names in every pod: the user's settings with the operator's overlay on top.

It must stay importable by Django alone (`python -m django check`), so it reads its own configuration and secrets.
"""

from __future__ import annotations

import os as _os

from realtimeapp_runtime import config as _config
from realtimeapp_runtime import credentials as _credentials
from realtimeapp_runtime import overlay as _overlay
from realtimeapp_runtime import paths as _paths
from realtimeapp_runtime import user_settings as _user_settings

_loaded = _config.read(_paths.config_file())
_secrets = _credentials.read(_loaded)
_credentials.export(
    _loaded, _secrets
)  # before the import: settings modules read DATABASE_URL and the like while importing
_user_settings.require_packages(
    _overlay.list_packages(_loaded), otherwise="set spec.django.overlay to Disabled"
)
_user = _user_settings.load(_loaded.settings_module)

globals().update(_user)
globals().update(
    _overlay.build(
        _user,
        config=_loaded,
        credentials=_secrets,
        pod_ip=_os.environ.get("REALTIMEAPP_POD_IP"),
        missing=[name for name in ("redis",) if not _user_settings.is_installed(name)],
    )
)
