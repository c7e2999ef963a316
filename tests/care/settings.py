"""The application's settings for tests: a care folder of each process's own, and a quick password hash."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

if "EVI_CARE_HOME" not in os.environ:
    os.environ["EVI_CARE_HOME"] = tempfile.mkdtemp(prefix="evi-care-")
    atexit.register(shutil.rmtree, os.environ["EVI_CARE_HOME"], ignore_errors=True)

from evi.care.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
EVI_SECOND_STEP = False  # tests of the second step turn it on
