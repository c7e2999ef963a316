"""How letters leave: through the mail server that the environment names, else onto the server's own log.

- `EVI_CARE_MAIL`: `smtp://user:password@host:587` (with STARTTLS), `smtps://…:465` (TLS from the start).
- `EVI_CARE_MAIL_FROM`: the sender's address.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from evi.workspace.errors import EviError


def settings() -> dict[str, Any]:
    """Django's settings of mail.

    Raises:
        EviError: the address is not one of a mail server; its password is not shown.
    """
    address = os.environ.get("EVI_CARE_MAIL", "")
    if not address:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(address)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise EviError(
            "this is not the address of a mail server.",
            where="EVI_CARE_MAIL",
            do="Write it as smtp://user:password@host:587 or smtps://user:password@host:465.",
            exit_code=2,
        )
    tls = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": tls,
        "EMAIL_USE_TLS": not tls,
        "EMAIL_TIMEOUT": 20,
        "DEFAULT_FROM_EMAIL": os.environ.get("EVI_CARE_MAIL_FROM", f"no-reply@{parts.hostname}"),
    }
