"""The notices in Django's admin, beside the package's own models."""

from django.contrib import admin

from board.models import Notice

admin.site.register(Notice)
