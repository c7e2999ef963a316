"""How Django knows this room."""

from django.apps import AppConfig


class PassportsConfig(AppConfig):
    """The room `passports`."""

    name = "evi.care.passports"
    label = "passports"
