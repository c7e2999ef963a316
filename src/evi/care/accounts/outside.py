"""Sign-in through another service by OpenID Connect: NHS CIS2, Microsoft Entra, or any other. Off by default.

`EVI_CARE_OIDC` names them, with commas (`cis2,entra`); each is then described by its own variables:

- `EVI_CARE_OIDC_CIS2_SERVER`: the address whose `/.well-known/openid-configuration` describes the service
- `EVI_CARE_OIDC_CIS2_CLIENT` and `EVI_CARE_OIDC_CIS2_SECRET`: as the service gave them to the district
- `EVI_CARE_OIDC_CIS2_NAME`: what the button says (by default the name itself)
- `EVI_CARE_OIDC_CIS2_SCOPE`: what is asked for (by default `openid email profile`)

Nobody gets an account this way. A person whose address the service vouches for opens the account here that
has the same address; what they may see is decided by their roles here, as for everybody.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from evi.workspace.errors import EviError

TITLES = {"cis2": "NHS Care Identity (CIS2)", "entra": "Microsoft"}


def providers() -> dict[str, Any]:
    """The sign-in library's settings of the services that the environment describes.

    Raises:
        EviError: a service is named and something that it needs is missing; no secret is shown.
    """
    names = [name.strip().lower() for name in os.environ.get("EVI_CARE_OIDC", "").split(",") if name.strip()]
    if not names:
        return {}
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [_app(name) for name in names]}}


def origins() -> list[str]:
    """The hosts of those services, to which a form here may lead."""
    apps = providers().get("openid_connect", {}).get("APPS", [])
    return sorted({"https://" + urlsplit(app["settings"]["server_url"]).netloc for app in apps})


def _app(name: str) -> dict[str, Any]:
    if not re.fullmatch(r"[a-z][a-z0-9]*", name):
        raise EviError("a service's name has letters and digits only.", where="EVI_CARE_OIDC", exit_code=2)
    prefix = f"EVI_CARE_OIDC_{name.upper()}"
    said = {key: os.environ.get(f"{prefix}_{key}", "") for key in ("SERVER", "CLIENT", "SECRET")}
    for key, value in said.items():
        if not value:
            raise EviError(
                f"{name} is to be used for signing in, and this is not set.",
                where=f"{prefix}_{key}",
                exit_code=2,
            )
    if not said["SERVER"].startswith("https://"):
        raise EviError("the service's address begins with https://.", where=f"{prefix}_SERVER", exit_code=2)
    return {
        "provider_id": name,
        "name": os.environ.get(f"{prefix}_NAME") or TITLES.get(name, name),
        "client_id": said["CLIENT"],
        "secret": said["SECRET"],
        "settings": {
            "server_url": said["SERVER"],
            "scope": os.environ.get(f"{prefix}_SCOPE", "openid email profile").split(),
            "token_auth_method": "client_secret_post",
        },
    }
