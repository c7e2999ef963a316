"""The page of the docs that lists the shipped rules, made from the rules themselves."""

from __future__ import annotations

from collections.abc import Mapping

from evi.casefinding.rules import Rule

HEAD = """# Case-finding rules

Made from the rules by `evi casefind rules --markdown`; a test fails when this page is old. How to read a
rule, and what a list from it may be used for, is in [Case-finding](casefinding.md).

| rule | version | looks for | reads | line | method of the line | ages (years) | status at the start |
|---|---:|---|---|---|---|---|---|
"""


def rules_page(rules: Mapping[str, Rule]) -> str:
    """The whole page, in Markdown."""
    rows = [
        f"| [`{rule.id}`](#{rule.id}) | {rule.version} | {rule.condition.replace('_', ' ')} | {_reads(rule)} "
        f"| {_line(rule)} | {rule.threshold.method} | {_years(rule)} "
        f"| {'not ready' if rule.not_ready else rule.status_default} |"
        for rule in rules.values()
    ]
    return HEAD + "\n".join(rows) + "\n" + "".join(_section(rule) for rule in rules.values())


def _section(rule: Rule) -> str:
    lines = [f"\n## {rule.id}\n", f"**{rule.title}.** {rule.question}\n"]
    if rule.family != rule.id:
        lines.append(f"Family `{rule.family}`: each child is read by the rule of its own framework.\n")
    if rule.not_ready:
        lines.append(f"Refuses to run: {rule.not_ready}\n")
    lines.append(f"- **Line**: {_line(rule)}. {rule.threshold.why} ({rule.threshold.source})")
    if rule.adjust is not None:
        lines.append(
            f"- **The line moves**: {rule.adjust.why} ({', '.join(dict.fromkeys(rule.adjust.sources))})"
        )
    if rule.items_source:
        lines.append(f"- **Items**: {', '.join(dict.fromkeys(rule.items.values()))} ({rule.items_source})")
    if rule.exclusions:
        lines.append(
            "- **Left out**: "
            + "; ".join(f"{each.title.lower()}{_how_long(each.days)}" for each in rule.exclusions)
        )
    lines.append("- **Next step**: " + " ".join(rule.next_step))
    lines += [f"- **Evidence**: {each.figure} ({each.source})" for each in rule.evidence]
    lines += [f"- **What it does not know**: {limit}" for limit in rule.limits]
    lines.append(f"- **Owner**: {rule.owner}; to be reviewed by {rule.review_by}")
    return "\n".join(lines) + "\n"


def _reads(rule: Rule) -> str:
    reads = rule.reads
    if reads is None:
        return ", ".join(rule.feeds)
    count = f"{len(rule.items) // len(rule.frameworks)} items of " if rule.items else ""
    return f"{count}{reads.title}, {' or '.join(rule.frameworks)}"


def _line(rule: Rule) -> str:
    what = {
        "sum": "total",
        "below": "items below the expected level or cut-off",
        "share": "share of sessions",
        "missed": "checks never seen",
        "indicators": "parts of life with a need",
        "places": "services that lack the record",
    }[rule.kind]
    way = "below" if rule.threshold.direction == "below" else "at least"
    moved = ", moved by age in the year and early birth" if rule.adjust is not None else ""
    return f"{what} {way} {rule.threshold.value:g}{moved}"


def _years(rule: Rule) -> str:
    low, high = (f"{months / 12:.1f}".removesuffix(".0") for months in rule.age_months)
    return f"{low} to {high}"


def _how_long(days: int | None) -> str:
    return "" if days is None else f" (last {days} days)"
