from django.dispatch import Signal

# An account has got credentials, for the first time or anew. Sent with `account`, `is_new` and `are_syncs_disabled`
# (None where nobody says), in the transaction that stores them.
account_linked = Signal()

# An account is about to be removed. Sent with `account`, in the transaction that takes its token and credentials away;
# its records go afterwards.
account_deleted = Signal()

# What is stored of an account, or shown, is to be another from the next sync on, which has to read everything. Sent
# with `account`, in the transaction that changes its scopes or field mappings.
account_reshaped = Signal()

# Sent by workers, about once an hour: forget what is too old to be of use.
housekeeping = Signal()
