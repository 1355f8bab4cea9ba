from django.urls import path

from echo.views import slow, whoami

urlpatterns = [path("", whoami), path("whoami/", whoami), path("slow/", slow)]
