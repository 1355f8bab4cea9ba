"""No pages: the project is about its socket."""

from typing import Any

urlpatterns: list[Any] = []
