"""Rows that hold for a time: from `since` until the day before `until`."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

Row = TypeVar("Row", bound=models.Model)


def live_on(day: date, prefix: str = "") -> Q:
    """The condition that a row holds on `day`, as one `Q`; `prefix` such as `ties__`."""
    ends = Q(**{f"{prefix}until__isnull": True}) | Q(**{f"{prefix}until__gt": day})
    return ends & Q(**{f"{prefix}since__lte": day})


class DatedQuerySet(models.QuerySet[Row]):
    """A query set of such rows."""

    def live(self, day: date | None = None) -> DatedQuerySet[Row]:
        """Those that hold on `day` (today)."""
        return self.filter(live_on(day or timezone.localdate()))
