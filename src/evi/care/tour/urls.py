"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.tour import views

app_name = "tour"
urlpatterns = [path("", views.tour, name="tour")]
