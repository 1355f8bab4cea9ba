"""Addresses of the counter."""

from django.urls import path

from counter.views import CounterView, ticks, whoami

urlpatterns = [
    path("", CounterView.as_view(), name="index"),
    path("ticks/", ticks, name="ticks"),
    path("whoami/", whoami, name="whoami"),
]
