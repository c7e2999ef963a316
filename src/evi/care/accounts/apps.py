"""How Django knows this room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The room `accounts`."""

    name = "evi.care.accounts"
    label = "accounts"
