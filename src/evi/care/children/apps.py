"""How Django knows this room."""

from django.apps import AppConfig


class ChildrenConfig(AppConfig):
    """The room `children`."""

    name = "evi.care.children"
    label = "children"
