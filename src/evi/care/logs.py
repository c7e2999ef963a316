"""What the server writes to its log: what failed and where in the code, never what a record holds."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from evi.workspace.errors import EviError

Raised = Any
"""What logging calls exception information: type, error, traceback."""


class QuietFormatter(logging.Formatter):
    """Writes an error as its type and the lines of code that it passed; its message may hold a name."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """The moment in UTC, to the millisecond."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """One line, whatever was in the text: nobody can write lines of their own into the log."""
        said = super().formatMessage(record)
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in said)

    def formatException(self, ei: Raised) -> str:  # noqa: N802 - the name is logging's
        """The type, and file, line and function of each frame."""
        kind, error, _ = ei
        lines = [kind.__name__ if kind else "error"]
        if isinstance(error, EviError):
            lines[0] += f": {error}"  # never holds a value of a record, and says what to do
        while error is not None:
            frames = traceback.extract_tb(error.__traceback__)
            lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
            if error is not None:
                lines.append(f"while {type(error).__name__}")
        return "\n".join(lines)


def settings() -> dict[str, Any]:
    """Django's settings of logging: warnings and worse, and all of signing in, to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"quiet": {"()": "evi.care.logs.QuietFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "quiet"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            # These name addresses that are not there, and people who mistyped a password.
            "django.request": {"level": "ERROR"},
            "django.security.csrf": {"level": "ERROR"},
            "axes": {"level": "ERROR"},
            "evi.security": {"level": "INFO"},
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }
