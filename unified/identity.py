import uuid
from hashlib import sha1


def unified_id(linked_account_id: uuid.UUID, model_name: str, remote_id: str) -> uuid.UUID:
    """Return the id of a platform's record, the same for ever.

    It is a UUIDv5 (RFC 9562) in the name space of the linked account.

    Being computed, ids of references are known before the record they name has arrived, without a look-up.
    """
    return uuid.uuid5(linked_account_id, f"{model_name}/{remote_id}")


def unified_key(linked_account_id: uuid.UUID, model_name: str, remote_id: str) -> str:
    """Return `unified_id(…).hex`, six times as fast: a sync computes hundreds of thousands."""
    digest = sha1(linked_account_id.bytes + f"{model_name}/{remote_id}".encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:12]}5{digest[13:16]}{variant}{digest[17:32]}"
