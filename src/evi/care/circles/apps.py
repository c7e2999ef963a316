"""How Django knows this room."""

from django.apps import AppConfig


class CirclesConfig(AppConfig):
    """The room `circles`."""

    name = "evi.care.circles"
    label = "circles"
