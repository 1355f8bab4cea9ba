"""The orders in Django's admin."""

from django.contrib import admin

from orders.models import Order


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """A list by state."""

    list_display = ("pk", "item", "state", "created_at")
    list_filter = ("state",)
