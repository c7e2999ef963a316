"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.exchange import views

app_name = "exchange"
urlpatterns = [
    path("", views.exchange, name="exchange"),
    path("support-plan/", views.support_plan, name="support-plan"),
    path("support-plan/pdf/", views.support_plan_pdf, name="support-plan-pdf"),
    path("in/", views.bring_in, name="bring-in"),
    path("in/<slug:incoming>/", views.incoming, name="incoming"),
]
