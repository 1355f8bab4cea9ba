"""Addresses of the messenger."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from messenger.views import index, people, signup, whoami

urlpatterns = [
    path("", index, name="index"),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("signup/", signup, name="signup"),
    path("people/", people, name="people"),
    path("whoami/", whoami, name="whoami"),
    path("admin/", admin.site.urls),
]
