"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.circles import talking_views, views

app_name = "circles"
urlpatterns = [
    path("", views.circle, name="circle"),
    path("invite/", views.invite, name="invite"),
    path("invitations/<slug:joining_id>/", views.invitation, name="invitation"),
    path("invitations/<slug:joining_id>/take-back/", views.withdraw, name="withdraw"),
    path("ask/", views.ask, name="ask"),
    path("requests/<slug:joining_id>/", views.decide, name="decide"),
    path("people/<slug:place_id>/remove/", views.remove, name="remove"),
    path("leave/", views.leave, name="leave"),
    path("lead/", views.lead, name="lead"),
    path("messages/", talking_views.messages, name="messages"),
    path("messages/new/", talking_views.new_message, name="new-message"),
    path("messages/<slug:message_id>/", talking_views.message, name="message"),
    path("messages/<slug:message_id>/read/", talking_views.acknowledge, name="acknowledge"),
    path("messages/<slug:message_id>/answer/", talking_views.answer, name="answer"),
    path("tasks/", talking_views.tasks, name="tasks"),
    path("tasks/new/", talking_views.new_task, name="new-task"),
    path("tasks/<slug:task_id>/end/", talking_views.end_task, name="end-task"),
]
