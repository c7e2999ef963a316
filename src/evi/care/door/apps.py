"""How Django knows this room."""

from django.apps import AppConfig


class DoorConfig(AppConfig):
    """The room `door`."""

    name = "evi.care.door"
    label = "door"
