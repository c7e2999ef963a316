"""How Django knows this room."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DoorConfig(AppConfig):
    """The room `door`."""

    name = "evi.care.door"
    label = "door"

    def ready(self) -> None:
        """After each migration the second lock covers what is new."""
        from evi.care.door import rows  # noqa: PLC0415 - apps are loaded first

        post_migrate.connect(rows.set_up, sender=self, dispatch_uid="row locks")
