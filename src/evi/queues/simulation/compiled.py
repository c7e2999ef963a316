"""How the queue simulation is compiled: to machine code, off Python's lock, kept on disk between runs."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit

_OPTIONS: dict[str, Any] = {
    "nogil": True,  # replications run on threads
    "cache": True,
    "error_model": "numpy",  # no check of each division
    "forceinline": True,  # a room is many arrays: handing them over costs more than what is done with them
    "_nrt": False,  # no count of references, which threads would fight over; so nothing can be allocated
}

_MODULES = ("luck.py", "rules.py", "kernel.py", "continuous.py", "compiled.py")


def _version() -> str:
    """What all the compiled modules say, in short.

    The compiler looks only at a function's own file to see whether what it kept is still good; a function
    that calls one in another file would go on as before after that file changed. So the version is a part
    of each function's name.
    """
    here = Path(__file__).parent
    return sha256(b"".join((here / name).read_bytes() for name in _MODULES)).hexdigest()[:8]


_VERSION = _version()


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called. It must not make arrays: it fills those it is given."""
    return njit(**_OPTIONS)(_named(function))


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that only compiled ones call: quicker, since Python needs no way in."""
    options = _OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(**options)(_named(function))


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    function.__qualname__ = f"{function.__qualname__}_{_VERSION}"
    return function
