"""Django's settings; what differs between places comes from the environment (`evi.care.home`)."""

from __future__ import annotations

import os
from pathlib import Path

from csp.constants import NONCE, NONE, SELF

from evi.care import assets_build, home, logs, mail
from evi.care.accounts import outside

HERE = Path(__file__).resolve().parent

SECRET_KEY = home.secret_key()
DEBUG = False
HOSTS = [name.strip() for name in os.environ.get("EVI_CARE_HOSTS", "").split(",") if name.strip()]
ALLOWED_HOSTS = HOSTS or ["localhost", "127.0.0.1", "[::1]", "testserver"]
BEHIND_TLS = os.environ.get("EVI_CARE_TLS", "") == "1"

EVI_PRODUCT = os.environ.get("EVI_CARE_NAME", "eVI")
EVI_DEMO = os.environ.get("EVI_CARE_DEMO", "") == "1"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "evi.care.accounts",
    "evi.care.children",
    "evi.care.door",
    "evi.care.passports",
    "evi.care.circles",
    "evi.care.support",
    "evi.care.findings",
    "evi.care.exchange",
    "evi.care.tour",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "evi.care.headers.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "evi.care.accounts.sessions.SessionMiddleware",
    "evi.care.door.middleware.VisitMiddleware",
    "evi.care.accounts.sessions.SecondStepMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "evi.care.urls"
WSGI_APPLICATION = "evi.care.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "evi.care.jinja.environment",
            "context_processors": [
                "django.contrib.messages.context_processors.messages",
                "evi.care.jinja.every_page",
            ],
        },
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
]

DATABASES = {"default": home.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "evi.care.accounts.backend.Backend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "evi.care.accounts.passwords.OwnWordsValidator"},
    {"NAME": "evi.care.accounts.passwords.KnownPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "evi.care.accounts.signing.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation's link has shown that the address is theirs
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
PASSWORD_RESET_TIMEOUT = 60 * 60
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,10/10m/key"}  # django-axes counts first, in the database
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("EVI_CARE_PROXIES", "1" if BEHIND_TLS else "0"))
MFA_ADAPTER = "evi.care.accounts.signing.SecondStepAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_ALLOW_UNVERIFIED_EMAIL = True  # as above: every address came by invitation
MFA_TOTP_ISSUER = EVI_PRODUCT
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not BEHIND_TLS
SOCIALACCOUNT_ADAPTER = "evi.care.accounts.signing.OutsideAdapter"
SOCIALACCOUNT_PROVIDERS = outside.providers()
SOCIALACCOUNT_EMAIL_AUTHENTICATION = bool(SOCIALACCOUNT_PROVIDERS)
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = bool(SOCIALACCOUNT_PROVIDERS)
EVI_SECOND_STEP = os.environ.get("EVI_CARE_SECOND_STEP", "0" if EVI_DEMO else "1") == "1"
EVI_IDLE_SECONDS = 60 * 30

SESSION_COOKIE_AGE = 60 * 60 * 8
SESSION_COOKIE_NAME = "__Host-session" if BEHIND_TLS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if BEHIND_TLS else "csrf"
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = (
    "django.contrib.messages.storage.session.SessionStorage"  # not in a cookie: they name people
)
CSRF_FAILURE_VIEW = "evi.care.errors.csrf_failure"
LANGUAGE_COOKIE_NAME = "__Host-language" if BEHIND_TLS else "language"
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = BEHIND_TLS
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF, *outside.origins()],
    }
}

LANGUAGE_CODE = "en-gb"
LANGUAGES = [
    ("en-gb", "English"),
    ("ur", "اردو"),
    ("pl", "Polski"),
    ("sk", "Slovenčina"),
    ("bn", "বাংলা"),
]
LOCALE_PATHS = [assets_build.folder() / "locale"]
TIME_ZONE = "Europe/London"
USE_I18N = USE_TZ = True

FILE_UPLOAD_HANDLERS = ["evi.care.uploads.BoundedUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FILES = 5

STATIC_URL = "/static/"
STATICFILES_DIRS = [assets_build.folder() / "sources"]
STATIC_ROOT = assets_build.static_root()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
LOGGING = logs.settings()
EVI_MAIL = bool(os.environ.get("EVI_CARE_MAIL"))
globals().update(mail.settings())
AXES_FAILURE_LIMIT = 6
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "evi.care.accounts.signing.lowered_email"
AXES_CLIENT_IP_CALLABLE = "evi.care.accounts.signing.client_address"
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS: list[str] = []
