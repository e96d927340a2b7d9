from django.dispatch import Signal

# An interview was written at its platform. Sent with `account`, `entries` (what the connector handed back) and
# `promised`, the ids that callers were given before, by remote id. Who receives it stores them before it returns.
interview_written = Signal()

# An interview that was to be created later is, or never will be. Sent with `account` and `async_post`, in the
# transaction that notes it.
async_post_completed = Signal()
