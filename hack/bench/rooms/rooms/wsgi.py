"""The same project over WSGI: one page."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rooms.settings")
application = get_wsgi_application()
