import uuid


def unified_id(linked_account_id: uuid.UUID, model_name: str, remote_id: str) -> uuid.UUID:
    """Return the id of a platform's record, the same for ever.

    It is a UUIDv5 (RFC 9562) in the name space of the linked account.

    Being computed, ids of references are known before the record they name has arrived, without a look-up.
    """
    return uuid.uuid5(linked_account_id, f"{model_name}/{remote_id}")
