"""Django's name for the orders."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """The orders."""

    name = "orders"
