"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.findings import views

app_name = "findings"
urlpatterns = [
    path("", views.findings_list, name="list"),
    path("perhaps-the-same/", views.perhaps_same, name="perhaps-same"),
    path("perhaps-the-same/<slug:pair>/", views.answer_same, name="answer-same"),
    path("<slug:child>/<slug:finding>/", views.finding, name="finding"),
    path("<slug:child>/<slug:finding>/looked/", views.looked, name="looked"),
]
