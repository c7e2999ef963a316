"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from evi.care.passports import (
    pack_views,
    paper_views,
    profile_views,
    share_views,
    version_views,
    views,
    write_views,
)

app_name = "passports"
urlpatterns = [
    path("", views.passport, name="passport"),
    path("section/<slug:section>/", views.section, name="section"),
    path("begin/", views.begin_passport, name="begin"),
    path("write/<slug:section>/<slug:voice>/", write_views.write, name="write"),
    path("write/<slug:section>/<slug:voice>/<slug:nature>/", write_views.write, name="write"),
    path("versions/", version_views.versions, name="versions"),
    path("versions/changes/", version_views.changes, name="changes"),
    path("versions/put-back/", version_views.put_back, name="put-back"),
    path("profile/", profile_views.profile, name="profile"),
    path("profile/<slug:view>/", profile_views.answer, name="answer"),
    path("shares/", share_views.shares, name="shares"),
    path("shares/new/", share_views.new, name="share"),
    path("shares/<slug:share>/end/", share_views.end_share, name="end-share"),
    path("packs/", pack_views.packs, name="packs"),
    path("packs/new/<slug:kind>/", pack_views.new, name="new-pack"),
    path("packs/<slug:pack>/", pack_views.pack, name="pack"),
    path("packs/<slug:pack>/acknowledge/", pack_views.acknowledge, name="acknowledge"),
    path("packs/<slug:pack>/ask/", pack_views.ask, name="ask"),
    path("packs/<slug:pack>/answer/<slug:question>/", pack_views.answer, name="answer-question"),
    path("packs/<slug:pack>/take-back/", pack_views.take_back, name="take-back"),
    path("print/", paper_views.paper, name="print"),
    path("easy-read/", paper_views.easy, name="easy-read"),
    path("passport.pdf", paper_views.pdf, name="pdf"),
    path("easy-read.pdf", paper_views.easy_pdf, name="easy-pdf"),
]
