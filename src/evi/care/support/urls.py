"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.support import views, writing_views

app_name = "support"
urlpatterns = [
    path("", views.plan, name="plan"),
    path("start/", writing_views.start, name="start"),
    path("close/", writing_views.close, name="close"),
    path("next-review/", writing_views.review_date, name="review-date"),
    path("needs/new/", writing_views.new_need, name="new-need"),
    path("needs/<slug:need_id>/", writing_views.change_need, name="change-need"),
    path("needs/<slug:need_id>/goals/new/", writing_views.new_outcome, name="new-outcome"),
    path("goals/<slug:outcome_id>/", writing_views.change_outcome, name="change-outcome"),
    path("goals/<slug:outcome_id>/actions/new/", writing_views.new_action, name="new-action"),
    path("actions/<slug:action_id>/", writing_views.change_action, name="change-action"),
    path("reviews/new/", writing_views.new_review, name="new-review"),
    path("reviews/<slug:review_id>/", views.review, name="review"),
    path("history/", views.past, name="history"),
    path("offers/", views.offered, name="offers"),
    path("tried/", views.tried, name="tried"),
]
