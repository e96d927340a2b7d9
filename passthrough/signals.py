from django.dispatch import Signal

# A request that a worker was to make has its answer. Sent with `account` and `passthrough` (an AsyncPassthrough), in
# the transaction that stores it.
passthrough_resolved = Signal()
