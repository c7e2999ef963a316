"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.door import access_pages, blockage_pages, emergency_pages, wish_pages

app_name = "door"
urlpatterns = [
    path("report/", access_pages.report, name="report"),
    path("blockages/", blockage_pages.board, name="blockages"),
    path("blockages/raise/", blockage_pages.raise_, name="raise"),
    path("blockages/<slug:blockage>/", blockage_pages.blockage, name="blockage"),
    path("emergency/", emergency_pages.emergency, name="emergency"),
    path("emergency/reviews/", emergency_pages.reviews, name="emergency-reviews"),
    path("emergency/reviews/<slug:view>/", emergency_pages.review, name="emergency-review"),
    path("emergency/<slug:view>/end/", emergency_pages.emergency_end, name="emergency-end"),
    path("child/<slug:child>/", access_pages.access_list, name="access-list"),
    path("child/<slug:child>/emergency/", emergency_pages.emergency_child, name="emergency-child"),
    path("child/<slug:child>/wishes/", wish_pages.wishes, name="wishes"),
    path("child/<slug:child>/wishes/<int:wish>/end/", wish_pages.wish_end, name="wish-end"),
]
