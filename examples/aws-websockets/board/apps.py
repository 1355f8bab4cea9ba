"""Django's name for the board."""

from django.apps import AppConfig


class BoardConfig(AppConfig):
    """The board."""

    name = "board"
