"""How Django knows this room."""

from django.apps import AppConfig


class TourConfig(AppConfig):
    """The room `tour`."""

    name = "evi.care.tour"
    label = "tour"
