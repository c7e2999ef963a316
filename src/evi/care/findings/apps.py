"""How Django knows this room."""

from django.apps import AppConfig


class FindingsConfig(AppConfig):
    """The room `findings`."""

    name = "evi.care.findings"
    label = "findings"
