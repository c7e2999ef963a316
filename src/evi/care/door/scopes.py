"""The children whom a visitor may list, as SQL that is worked out once and used with each visitor's values.

Django needs some 10 ms to build and compile the condition of a list (`querying.to_q`), each time anew, though
it differs between visitors only in four values: the membership, the person, the organisation and the day. So
it is compiled once for a condition with values that no row has, and these are exchanged for the visitor's.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.door import querying
from evi.sharing.conditions import Condition

MEMBERSHIP, PERSON, ORGANISATION, DAY = -7_000_001, -7_000_002, -7_000_003, date(1801, 2, 3)
"""Values that no row has, in whose place the visitor's own are put."""


def children(condition: Condition, membership: Membership, day: date, item: str) -> QuerySet[Child]:
    """The children for whom a condition holds: what `Child.objects.filter(to_q(…))` gives."""
    sql, values = _compiled(condition, item, connection.vendor)
    if not sql:
        return Child.objects.none()
    own = {
        MEMBERSHIP: membership.pk,
        PERSON: membership.user_id,
        ORGANISATION: membership.organisation_id,
        _stored(DAY): _stored(day),
    }
    return Child.objects.filter(pk__in=RawSQL(sql, [own.get(value, value) for value in values]))  # noqa: S611


def _stored(day: date) -> Any:
    return connection.ops.adapt_datefield_value(day)


@lru_cache(maxsize=4_096)
def _compiled(condition: Condition, item: str, vendor: str) -> tuple[str, tuple[Any, ...]]:
    """The statement and its values; an empty statement if the condition holds for nobody."""
    somebody = Membership(pk=MEMBERSHIP, user_id=PERSON, organisation_id=ORGANISATION)
    found = Child.objects.filter(querying.to_q(condition, somebody, DAY, item)).order_by().values("pk")
    try:
        sql, values = found.query.sql_with_params()
    except EmptyResultSet:
        return "", ()
    return sql, tuple(values)
