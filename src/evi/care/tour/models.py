"""The story that the guided tour follows: which made-up child, at which school, moving on to which."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from evi.care.accounts.models import Organisation
from evi.care.children.models import Child


class Story(models.Model):
    """One child's story in a made-up district. There is at most one, and none where real children are."""

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="+")
    school = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    next_school = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
