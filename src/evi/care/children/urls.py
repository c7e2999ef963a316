"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.children import record, views, work

app_name = "children"
urlpatterns = [
    path("", views.children, name="list"),
    path("search/", views.search, name="search"),
    path("search/<slug:record>/", views.found, name="found"),
    path("team/", work.team, name="team"),
    path("<slug:child>/", record.child, name="child"),
    path("<slug:child>/chronology/", record.chronology_page, name="chronology"),
    path("<slug:child>/chronology/add/", record.add_entry, name="add-entry"),
    path("<slug:child>/index/", record.index, name="index"),
    path("<slug:child>/move-out/", record.move_out, name="move-out"),
    path("<slug:child>/come-back/", record.come_back, name="come-back"),
]
