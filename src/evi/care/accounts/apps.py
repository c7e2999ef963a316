"""How Django knows this room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The room `accounts`."""

    name = "evi.care.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Begin the log of signing in, and what follows from its changes."""
        from evi.care.accounts import elsewhere, noting  # noqa: PLC0415 - needs the models

        noting.connect()
        elsewhere.connect()
