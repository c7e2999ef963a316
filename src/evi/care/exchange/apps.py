"""How Django knows this room."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """The room `exchange`."""

    name = "evi.care.exchange"
    label = "exchange"
