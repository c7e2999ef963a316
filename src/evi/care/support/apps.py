"""How Django knows this room."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """The room `support`."""

    name = "evi.care.support"
    label = "support"
