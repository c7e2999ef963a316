"""The event store that `benchmarks.spans` measures on: 150,000 children, 60 million events, 18 years.

Written straight from NumPy, code by code, so that making it needs little memory; the second projection, by
subject, is one sort in DuckDB. Volumes by code are of a real district's kind, not of any real district.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evi.workspace import connect, quote

SEED = 20260831
FIRST = np.datetime64("2008-09-01")
LAST = np.datetime64("2026-08-31")
CHILDREN, ADULTS, HOMES, SCHOOLS = 150_000, 120_000, 80_000, 210
EVENTS = 60_000_000
HOME = 1 << 40

_EYFSP = {
    "2021": "COM/LAU COM/SPK PSED/SR PSED/MS PSED/BR PD/GM PD/FM LIT/COMP LIT/WR LIT/WRI MAT/NUM MAT/NP "
    "UTW/PP UTW/PCC UTW/NW EAD/CM EAD/BIE",
    "2012": "COM/LA COM/U COM/S PD/MH PD/HSC PSED/SCA PSED/MFB PSED/MR LIT/R LIT/W MAT/N MAT/SSM UTW/PC "
    "UTW/W UTW/T EAD/EMM EAD/BI",
}
_FACTORS = (
    "1A 1B 1C 2A 2B 2C 3A 3B 3C 4A 4B 4C 5A 5B 5C 6A 6B 6C 7A 8B 8C 8D 8E 8F 9A 10A 11A 12A 13A 14A 15A 16A "
    "17A 18B 18C 19B 19C 22A 23A 24A"
)
_PROBLEMS = (
    "AUTISM ADHD LD ANXIETY DEPRESSION SUBSTANCE ALCOHOL HEARING VISION SPEECH EPILEPSY ASTHMA OBESITY "
    "SELF_HARM CARER PHYSICAL_DISABILITY"
)


def volumes() -> dict[str, int]:
    """How many events of each code there are; consultations that no indicator reads make up the number."""
    thousand: dict[str, float] = {
        "EDU/ROLL": 3600, "EDU/FSM": 1400, "EDU/SEN/SUPPORT": 900, "EDU/SEN/EHCP": 350, "EDU/EAL": 2000,
        "EDU/SUSPENSION": 150, "EDU/EXCLUSION/PERMANENT": 5, "EDU/EHC/REQUEST": 30,
        "EDU/EHC/DECISION/AGREED": 20,
        "EDU/EHC/DECISION/REFUSED": 10, "EDU/EHC/PLAN": 20, "EDU/EHC/REVIEW": 80,
        "EDU/ATTENDANCE/POSSIBLE": 6000,
        "EDU/ATTENDANCE/ABSENT": 6000, "HEALTH/BIRTH/GESTATION": 140, "HEALTH/BIRTH/WEIGHT": 140,
        "HEALTH/BIRTH/SMOKING": 20, "HEALTH/BIRTH/LATE_BOOKING": 25, "HEALTH/MATERNAL/MENTAL_HEALTH": 30,
        "HEALTH/GP/REGISTERED": 500, "HEALTH/AUTISM/DIAGNOSIS": 3, "HEALTH/AUTISM/NOT_DIAGNOSED": 2,
        "HEALTH/AE/ATTENDANCE": 3500, "HEALTH/AE/INJURY": 1200, "HEALTH/AE/SELF_HARM": 50, "CSC/CONTACT": 900,
        "CSC/EARLY_HELP": 80, "CSC/REFERRAL": 300, "CSC/S47": 80, "CSC/ICPC": 40, "CSC/CPP": 50,
        "CSC/CLA": 90,
        "CSC/CLA/START": 25, "CSC/CLA/PLACEMENT_MOVE": 50, "CSC/CLA/PARENT": 1, "CSC/MISSING": 40,
        "POLICE/DA_INCIDENT": 500, "POLICE/MISSING": 150, "POLICE/ASB": 300, "POLICE/EXPLOITATION": 30,
        "POLICE/OFFENCE": 600, "HOUSING/TENANCY": 500, "HOUSING/DAMP": 250, "HOUSING/OVERCROWDED": 90,
        "HOUSING/ARREARS": 400, "HOUSING/EVICTION_NOTICE": 40, "HOUSING/HOMELESS": 40,
        "HOUSING/TEMPORARY": 40,
        "FIRE/VISIT": 250, "FIRE/HAZARD": 120, "PLACE/MOVE": 400,
    }  # fmt: skip
    thousand |= {
        f"EDU/SEN/NEED/{n}": 120
        for n in ["ASD", "SLCN", "SEMH", "MLD", "SLD", "PMLD", "SPLD", "HI", "VI", "MSI", "PD", "OTH"]
    }
    thousand |= {
        f"EDU/EYFSP/{f}/{g}": 45 if f == "2021" else 75 for f, goals in _EYFSP.items() for g in goals.split()
    }
    thousand |= {f"HEALTH/HV/REVIEW/{r}": 120 for r in ("NEW_BIRTH", "6_8_WEEK", "12_MONTH", "2_YEAR")}
    areas = ("COMMUNICATION", "GROSS_MOTOR", "FINE_MOTOR", "PROBLEM_SOLVING", "PERSONAL_SOCIAL")
    thousand |= {f"HEALTH/ASQ3/{q}/{a}": 40 for q in ("24M", "27M", "30M") for a in areas}
    thousand |= {f"HEALTH/GP/PROBLEM/{p}": 150 for p in _PROBLEMS.split()}
    for service in ("PAED", "SALT", "CAMHS", "AUTISM", "ADULT_MH", "SUBSTANCE", "AUDIOLOGY", "ORTHOPTICS"):
        rates = {"REFERRAL": 130, "FIRST_CONTACT": 100, "CONTACT": 1200, "DNA": 150, "DISCHARGE": 90}
        thousand |= {f"HEALTH/{service}/{what}": n for what, n in rates.items()}
    thousand |= {f"HEALTH/SCREEN/{s}/{r}": 90 for s in ("VISION", "HEARING") for r in ("PASS", "REFER")}
    thousand |= {f"CSC/NEED/N{n}": 35 for n in range(10)} | {f"CSC/CLA/NEED/N{n}": 8 for n in range(1, 9)}
    thousand |= {f"CSC/FACTOR/{f}": 25 for f in _FACTORS.split()}
    thousand |= {f"CSC/CPP/CATEGORY/{c}": 10 for c in ("NEG", "PHY", "SAB", "EMO", "MUL")}
    thousand |= {
        f"CSC/DISABILITY/{c}": 6
        for c in ["MOB", "HAND", "PC", "INC", "COMM", "LD", "HEAR", "VIS", "BEH", "CON", "AUT", "DDA"]
    }
    found = {code: round(n * 1000) for code, n in thousand.items()}
    return found | {"HEALTH/GP/CONSULTATION": EVENTS - sum(found.values())}


class Maker:
    """Draws the people and their events; the same seed gives the same district."""

    def __init__(self, folder: Path, scale: float = 1.0) -> None:
        self.folder, self.scale = folder, scale
        rng = np.random.default_rng(SEED)
        days = (LAST - FIRST).astype(int)
        self.children = np.sort(rng.choice(1 << 62, round(CHILDREN * scale), replace=False))
        self.adults = np.sort(rng.choice(1 << 62, round(ADULTS * scale), replace=False))
        self.homes = np.arange(1, round(HOMES * scale) + 1) + HOME
        self.births = (
            (FIRST + rng.integers(0, days, len(self.children)))
            .astype("datetime64[M]")
            .astype("datetime64[D]")
        )
        self.rng = rng

    def people(self) -> None:
        """Write subjects, residence, enrolment and coverage."""
        rng, n = self.rng, len(self.children)
        births = np.concatenate((self.births, np.full(len(self.adults), np.datetime64("1985-01-01"))))
        homes = -self.homes - 1
        self._save(
            "subjects",
            subject_id=np.concatenate((self.children, self.adults, homes)),
            birth_month=pa.array(
                np.concatenate((births, np.full(len(homes), np.datetime64("NaT"), "datetime64[D]")))
            ),
            kind=["child"] * n + ["adult"] * len(self.adults) + ["home"] * len(homes),
        )
        who = np.concatenate((np.repeat(self.children, 2), self.adults))
        start = np.concatenate((np.repeat(self.births, 2), np.full(len(self.adults), FIRST)))
        half = (LAST - np.repeat(self.births, 2)).astype(int) // 2
        start[: 2 * n : 2] = self.births
        start[1 : 2 * n : 2] = self.births + half[::2].astype("timedelta64[D]")
        end = np.concatenate(
            (start[: 2 * n], np.full(len(self.adults), np.datetime64("NaT"), "datetime64[D]"))
        )
        end[: 2 * n : 2], end[1 : 2 * n : 2] = start[1 : 2 * n : 2], np.datetime64("NaT")
        where = rng.choice(self.homes, len(who))
        lsoa = np.char.add("E01", (where % 310).astype(str))
        self._save("residence", subject_id=who, home=where, lsoa=lsoa, start=start, end=end)
        school = np.char.add("107", rng.integers(100, 100 + SCHOOLS, n).astype(str))
        self._save(
            "enrolment",
            subject_id=self.children,
            school=school,
            start=self.births + 1500,
            end=np.full(n, np.datetime64("NaT"), "datetime64[D]"),
        )
        feeds = [
            "school",
            "eyfsp",
            "sen2",
            "ssd",
            "cin",
            "ssda903",
            "csds",
            "mhsds",
            "maternity",
            "gp",
            "ae",
            "police",
            "housing",
            "fire",
        ]
        begins = np.tile(self.births, len(feeds)) + rng.integers(0, 2500, n * len(feeds)).astype(
            "timedelta64[D]"
        )
        self._save(
            "coverage",
            subject_id=np.tile(self.children, len(feeds)),
            feed=np.repeat(feeds, n),
            start=begins,
            end=np.full(n * len(feeds), LAST + 300),
            known_at=begins + 60,
        )

    def events(self) -> None:
        """Write the projection by code, then the one by subject."""
        (self.folder / "by_code").mkdir(parents=True, exist_ok=True)
        record, writer = 0, None
        for code, full in sorted(volumes().items()):
            table = self._of_code(code, max(1, round(full * self.scale)), record)
            record += table.num_rows
            writer = writer or pq.ParquetWriter(
                self.folder / "by_code" / "part-0.parquet", table.schema, compression="zstd"
            )
            writer.write_table(table, row_group_size=122_880)
        if writer is not None:
            writer.close()
        codes = pa.table({"code": sorted(volumes())})
        pq.write_table(codes, self.folder / "codes.parquet")
        with connect(scratch=self.folder / ".scratch", memory="6GB") as con:
            (self.folder / "events").mkdir(exist_ok=True)
            con.execute(
                f"""COPY (SELECT * FROM read_parquet({quote(str(self.folder / "by_code" / "*.parquet"))})
                    ORDER BY subject_id, time, code, record_id, known_at)
                    TO {quote(str(self.folder / "events" / "part-0.parquet"))}
                    (FORMAT parquet, COMPRESSION zstd)"""
            )

    def _of_code(self, code: str, n: int, record: int) -> pa.Table:
        rng = self.rng
        home = code.startswith(("HOUSING/", "FIRE/"))
        grown = code.startswith(("HEALTH/ADULT_MH", "HEALTH/SUBSTANCE", "HEALTH/MATERNAL"))
        who = rng.integers(0, len(self.homes if home else self.adults if grown else self.children), n)
        since = np.full(n, FIRST) if home or grown else self.births[who]
        if code.startswith("EDU/"):
            since = np.minimum(since + 1500, LAST - 1)
        span = np.maximum((LAST - since).astype(int), 1)
        if code.startswith(("EDU/EYFSP", "HEALTH/ASQ3", "HEALTH/BIRTH", "HEALTH/HV", "HEALTH/SCREEN")):
            span = np.minimum(span, 300)  # once, at an age
        time = since + (rng.random(n) * span).astype("timedelta64[D]")
        ids = (-self.homes - 1)[who] if home else (self.adults if grown else self.children)[who]
        if code.startswith(("POLICE/", "HEALTH/GP/PROBLEM")):  # a third are of adults
            other = rng.random(n) < 0.33
            ids = np.where(other, rng.choice(self.adults, n), ids)
        order = np.lexsort((time, ids))
        ids, time = ids[order], time[order]
        columns = self._versions(code, ids, time, np.arange(record, record + n))
        return pa.table(columns)

    def _versions(
        self, code: str, ids: np.ndarray, time: np.ndarray, record: np.ndarray
    ) -> Mapping[str, pa.Array]:
        """Facts with their lags; of every hundred, three are corrected later and one of those withdrawn."""
        rng, n = self.rng, len(ids)
        known = time + rng.integers(0, 365 if code.startswith("CSC/") else 60, n).astype("timedelta64[D]")
        fixed = np.flatnonzero(rng.random(n) < 0.03)
        until = np.full(n, np.datetime64("NaT"), "datetime64[D]")
        until[fixed] = known[fixed] + rng.integers(1, 200, len(fixed)).astype("timedelta64[D]")
        row = np.sort(np.concatenate((np.arange(n), fixed)), kind="stable")
        again = np.zeros(len(row), np.bool_)
        again[1:] = row[1:] == row[:-1]
        withdrawn = again & (rng.random(len(row)) < 0.33)
        keep = np.arange(len(row)) < n
        row, again, withdrawn = row[keep], again[keep], withdrawn[keep]
        values = _values(code, rng, len(row))
        ends = time[row] + rng.integers(20, 900, len(row)).astype("timedelta64[D]")
        open_ended = rng.random(len(row)) < 0.4
        place = np.where(ids[row] < 0, np.char.add("home:", (-ids[row] - 1).astype(str)), "")
        school = code == "EDU/ROLL"
        places = np.char.add("school:", rng.integers(100, 300, len(row)).astype(str)) if school else place
        m = len(row)
        return {
            "subject_id": pa.array(ids[row]),
            "time": pa.array(time[row].astype("datetime64[us]")),
            "code": pa.array([code]).take(pa.array(np.zeros(m, np.int8))),
            "numeric_value": pa.array(values, pa.float32()),
            "text_value": pa.array(["VICTIM", "SUSPECT"]).take(pa.array(rng.integers(0, 2, m))),
            "known_at": pa.array(np.where(again, until[row], known[row])),
            "known_until": pa.array(np.where(again, np.datetime64("NaT"), until[row])),
            "source": pa.array([code.split("/", maxsplit=1)[0].lower()]).take(pa.array(np.zeros(m, np.int8))),
            "record_id": pa.array(record[row]),
            "place_id": pa.array(places, mask=None if school else places == ""),
            "end_time": pa.array(ends.astype("datetime64[us]"), mask=open_ended),
            "withdrawn": pa.array(withdrawn),
        }

    def _save(self, name: str, **columns: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), self.folder / f"{name}.parquet", compression="zstd")


def _values(code: str, rng: np.random.Generator, n: int) -> np.ndarray:
    if code == "EDU/ATTENDANCE/POSSIBLE":
        return rng.integers(40, 75, n)
    if code == "EDU/ATTENDANCE/ABSENT":
        return np.minimum(rng.poisson(4, n), 40)
    if code.startswith("EDU/EYFSP"):
        return 2 - (rng.random(n) < 0.25)
    if code.startswith("HEALTH/ASQ3"):
        return 5 * rng.integers(2, 13, n)
    if code == "HEALTH/BIRTH/GESTATION":
        return rng.normal(39, 2, n).round()
    return rng.normal(3300, 550, n).round() if code == "HEALTH/BIRTH/WEIGHT" else rng.integers(1, 900, n)


def make(folder: Path, scale: float = 1.0) -> Path:
    """The store in `folder`; made if it is not there."""
    done = folder / "made"
    if not done.is_file():
        maker = Maker(folder, scale)
        maker.people()
        maker.events()
        done.touch()
    return folder
