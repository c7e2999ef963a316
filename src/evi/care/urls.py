"""Every address of the application. An address holds public ids only, never an identifier of a person."""

from __future__ import annotations

from django.urls import include, path

from evi.care.children.work import my_work

urlpatterns = [
    path("", my_work, name="my-work"),
    path("", include("evi.care.accounts.urls")),
    path("sign-in/", include("evi.care.accounts.signing_urls")),
    path("children/", include("evi.care.children.urls")),
    path("children/<slug:child>/passport/", include("evi.care.passports.urls")),
    path("children/<slug:child>/circle/", include("evi.care.circles.urls")),
    path("children/<slug:child>/plan/", include("evi.care.support.urls")),
    path("children/<slug:child>/exchange/", include("evi.care.exchange.urls")),
    path("findings/", include("evi.care.findings.urls")),
    path("access/", include("evi.care.door.urls")),
    path("tour/", include("evi.care.tour.urls")),
    path("api/", include("evi.care.api.urls")),
]

handler400 = "evi.care.errors.bad_request"
handler403 = "evi.care.errors.forbidden"
handler404 = "evi.care.errors.not_found"
handler500 = "evi.care.errors.server_error"
