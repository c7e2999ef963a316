"""The agency side: names, dates and addresses become keyed codes before anything leaves."""

from evi.encoding.delivery import ABOUT_SCHEMA, LINKAGE_SCHEMA, EncodedDelivery, encode_delivery, part_path
from evi.encoding.encode import encode, key_ids, read_deliveries
from evi.encoding.gazetteer import Gazetteer
from evi.encoding.keys import Keys, write_new_key
from evi.encoding.people import BIRTH_PARTS, encode_identities
from evi.encoding.profiles import Profile, encode_profile, load_profiles
from evi.encoding.releases import Release, release_keys, write_release
from evi.encoding.retire import retire_codes, retired
from evi.encoding.rotation import rotate
from evi.encoding.tokens import TOKENS, Coder

__all__ = [
    "ABOUT_SCHEMA",
    "BIRTH_PARTS",
    "LINKAGE_SCHEMA",
    "TOKENS",
    "Coder",
    "EncodedDelivery",
    "Gazetteer",
    "Keys",
    "Profile",
    "Release",
    "encode",
    "encode_delivery",
    "encode_identities",
    "encode_profile",
    "key_ids",
    "load_profiles",
    "part_path",
    "read_deliveries",
    "release_keys",
    "retire_codes",
    "retired",
    "rotate",
    "write_new_key",
    "write_release",
]
