"""Addresses whose only page fails."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

handler500 = "dashboard.views.errors.broken"


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(request.path)


urlpatterns = [path("", fail)]
