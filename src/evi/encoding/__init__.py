"""The agency side: names, dates and addresses become keyed codes before anything leaves."""

from evi.encoding.keys import Keys, write_new_key
from evi.encoding.people import encode_identities
from evi.encoding.tokens import TOKENS, Coder

__all__ = ["TOKENS", "Coder", "Keys", "encode_identities", "write_new_key"]
