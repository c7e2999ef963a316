"""Pages about who looked: a family's list for one child, and the report of unusual access."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from evi.care.accounts.models import Organisation, User
from evi.care.children.models import Child
from evi.care.door import rows
from evi.care.door.endpoints import VisitRequest, endpoint
from evi.care.door.looked import who_looked
from evi.care.door.unusual import find_unusual
from evi.sharing.unusual import unusual_rules

PARTNERSHIP = "partnership"


@endpoint(action="view", item="access-list")
def access_list(request: VisitRequest, child: Child) -> HttpResponse:
    """Who looked at this child's record, when and why. Items that the reader can't see are not named."""
    visit = request.visit
    before = request.GET.get("before", "")
    family = visit.purpose == "family-access"
    page = who_looked(
        child,
        int(before) if before.isdigit() and len(before) < 19 else None,
        (lambda item: visit.can(child, "view", item)) if family else None,
    )
    named = visit.can(child, "view", "identity")
    return render(request, "door/access_list.html", {"child": child, "page": page, "named": named})


@endpoint(duty="access-report")
@rows.every_row()
def report(request: VisitRequest) -> HttpResponse:
    """Access that is unusual enough for a person to look at, in their own organisation or the district."""
    visit = request.visit
    organisation = visit.membership.organisation
    whole = organisation.kind == PARTNERSHIP
    found = find_unusual("" if whole else organisation.code)
    visit.record("view", items=["duty:access-report"])
    names = dict(
        User.objects.filter(public_id__in={each.person for each in found}).values_list("public_id", "name")
    )
    places = dict(
        Organisation.objects.filter(code__in={each.organisation for each in found}).values_list(
            "code", "name"
        )
    )
    rules = unusual_rules()
    tables = [
        (
            rule,
            [
                (each, names.get(each.person, ""), places.get(each.organisation, ""))
                for each in found
                if each.rule == key
            ],
        )
        for key, rule in rules.rules.items()
    ]
    context = {"tables": tables, "days": rules.days, "place": None if whole else organisation.name}
    return render(request, "door/report.html", context)
