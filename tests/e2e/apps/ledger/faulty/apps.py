"""Registers the check."""

from django.apps import AppConfig
from django.core import checks


def find_fault(app_configs, **options):
    """Find a fault, always."""
    return [checks.Error("The books do not balance.", hint="Balance them.", id="faulty.E001")]


class FaultyConfig(AppConfig):
    name = "faulty"

    def ready(self):
        checks.register(find_fault)
