"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.accounts import joining, people, views

app_name = "accounts"
urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/language/", views.language, name="language"),
    path("account/acting-as/", views.acting_as, name="acting-as"),
    path("account/second-step/", views.second_step, name="second-step"),
    path("join/<slug:token>/", joining.join, name="join"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/teams/", people.teams, name="teams"),
    path("people/invitation/<slug:invitation>/withdraw/", people.withdraw, name="withdraw"),
    path("people/<slug:person>/", people.person, name="person"),
]
