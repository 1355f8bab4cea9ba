"""Addresses of the board; API Gateway's integrations call socket/connect, socket/default and socket/disconnect."""

from django.urls import path
from django_aws_api_gateway_websockets.views import WebSocketTokenView

from board import views

urlpatterns = [
    path("", views.index, name="index"),
    path("sign-up/", views.sign_up, name="sign-up"),
    path("token/", WebSocketTokenView.as_view(), name="websocket-token"),
    path("socket/<slug:route>", views.BoardSocketView.as_view(), name="socket"),
]
