from django.dispatch import Signal

# Records were written or found deleted. Sent in the transaction that does so, after it, with `account_id`, `model_name`
# and the lists of keys (hexadecimal ids) `added`, `changed` and `removed`. Shells are not added until they are filled.
records_changed = Signal()

# A sync has ended one model of an account. Sent in the transaction that notes it, with `model_sync` (a ModelSync) and
# `was_initial`.
model_synced = Signal()

# A sync has ended. Sent in the transaction that notes it, with `account`, `sync_run` and `was_initial`.
account_synced = Signal()

# An issue is new, has come back or is over. Sent in the transaction that notes it, with `issue` and `event`, one of
# "new", "reopened" and "resolved".
issue_changed = Signal()
