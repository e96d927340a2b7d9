from django.dispatch import Signal

# An account has got credentials, for the first time or anew. Sent with `account`, once that is committed.
account_linked = Signal()
