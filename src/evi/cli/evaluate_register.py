"""`evi evaluate register`: note the protocol as it stands, so that a later change shows."""

from __future__ import annotations

from datetime import UTC, datetime

from evi.cli.app import JsonOption
from evi.cli.console import mistakes_explained, out, show_json
from evi.cli.evaluate import ProtocolArgument, evaluate_app


@evaluate_app.command()
def register(protocol: ProtocolArgument, as_json: JsonOption = False) -> None:
    """Note the protocol in its ledger, before anybody knows a result. Drawing lots does this too.

    Example: `evi evaluate register trial.yaml`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.trials import ledger as ledgers  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.trials.protocol import read_protocol  # noqa: PLC0415

        asked = read_protocol(protocol)
        notes = ledgers.register(asked, datetime.now(UTC).date())
        ledger = ledgers.ledger_of(asked)
        head = ledger.head()
        if as_json:
            show_json(
                {
                    "protocol": asked.id,
                    "digest": asked.digest,
                    "notes": notes,
                    "ledger": ledger.path,
                    "entries": head.entries,
                    "head": head.hash,
                }
            )
            return
        out.print(f"[green]✓[/] {asked.title}: registered in {ledger.path}")
        for line in notes:
            out.print(f"  · {line}", markup=False)
        out.print(
            f"  · Entry {head.entries} ends in {head.hash}. Keep this line where nobody can change it, "
            "such as in the minutes of a meeting.",
            markup=False,
        )
