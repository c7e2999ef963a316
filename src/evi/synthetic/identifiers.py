"""Identifiers of made-up people and places: right check digits, ranges that no real person has.

NHS numbers come from 999 000 0000 to 999 999 9999, kept for tests. UPNs name local authority 997, which does
not exist. Postcodes begin with QV and UPRNs with 9900, neither of which is in use.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from evi.synthetic.calendar import Ints

UPN_LETTERS = np.array(list("ABCDEFGHJKLMNPQRTUVWXYZ"))
AUTHORITY = 997
FIRST_UPRN = 990_000_100_000


def nhs_numbers(serials: Ints) -> Ints:
    """Valid NHS numbers for serial numbers 0 and up; one in eleven bodies has no check digit and is left out.

    Raises:
        ValueError: more people than the test range can number.
    """
    bodies = np.arange(999_000_000, 1_000_000_000, dtype=np.int64)
    check = nhs_check(bodies)
    valid = bodies[check < 10] * 10 + check[check < 10]
    if serials.size and int(serials.max()) >= valid.size:
        raise ValueError("the test range of NHS numbers holds about 909,000 people")
    return np.asarray(valid[serials], dtype=np.int64)


def nhs_check(bodies: Ints) -> Ints:
    """Check digit (modulus 11) of nine-digit bodies; 10 means that the body is not used."""
    total = sum((bodies // 10 ** (8 - place) % 10) * (10 - place) for place in range(9))
    return np.asarray((11 - total % 11) % 11)


def upns(school_numbers: Ints, entry_years: Ints, serials: Ints, *, temporary: bool = False) -> pl.Series:
    """UPNs: check letter, authority 997, school (4 digits), year of entry (2), serial (3, or 2 and a
    letter)."""
    body = (
        np.int64(AUTHORITY) * 10**9
        + school_numbers.astype(np.int64) * 10**5
        + (entry_years.astype(np.int64) % 100) * 1000
        + serials.astype(np.int64)
    )
    digits = pl.Series("upn", body).cast(pl.String).str.zfill(12)
    total = sum((body // 10 ** (11 - place) % 10) * (place + 2) for place in range(12))
    if temporary:  # a letter in the last place; its number joins the check sum as in DfE's rule
        last = body % 10
        digits = digits.str.slice(0, 11) + pl.Series(UPN_LETTERS[last])
    return pl.Series("upn", UPN_LETTERS[np.asarray(total) % 23]) + digits


def postcodes(sectors: Ints, units: Ints) -> pl.Series:
    """Postcodes of the unused area QV: `sectors` number outward code and sector, `units` the last two
    letters."""
    letters = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))
    outward = pl.Series("p", sectors // 10 + 1).cast(pl.String)
    inward = pl.Series("s", sectors % 10).cast(pl.String)
    return (
        pl.Series("postcode", ["QV"]).new_from_index(0, len(outward))
        + outward
        + " "
        + inward
        + pl.Series(letters[units // 20 % 20])
        + pl.Series(letters[units % 20])
    )


def mistype_number(rng: np.random.Generator, numbers: Ints, digits: int) -> Ints:
    """Numbers with one digit changed or two neighbours swapped, as a hurried hand does."""
    place = 10 ** rng.integers(0, digits - 3, numbers.size)
    one, two = numbers // place % 10, numbers // (place * 10) % 10
    swapped = numbers + (two - one) * place + (one - two) * place * 10
    changed = numbers + ((one + rng.integers(1, 10, numbers.size)) % 10 - one) * place
    return np.where((rng.random(numbers.size) < 0.5) & (one != two), swapped, changed)
