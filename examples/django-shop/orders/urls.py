"""Addresses of the orders."""

from django.urls import path

from orders import views

urlpatterns = [
    path("", views.index, name="index"),
    path("orders/", views.create, name="create"),
    path("visits/", views.visits, name="visits"),
    path("export/", views.export, name="export"),
]
