"""What workers do of interviews, beside synchronising them."""

from uuid import UUID

from django.db import transaction
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from interviews.models import AsyncPost
from interviews.services import TooManyRequests, run
from linked_accounts.models import LinkedAccount
from unified.database import ensure_connection

# What goes wrong here, such as a lost database: nothing is sent to the platform again, see `services.run`.
UNFORESEEN = RetryStrategy(max_attempts=100, wait=5)


def queue_creation(*, account: LinkedAccount, body: object) -> AsyncPost:
    """Have a worker create an interview that `services.check_creation` has found nothing wrong with."""
    with transaction.atomic():
        async_post = AsyncPost.objects.create(linked_account=account, body=body)
        create_interview.defer(async_post_id=str(async_post.id))
    return async_post


@app.task(name="interviews.create", queue="calls", retry=UNFORESEEN)
def create_interview(async_post_id: str) -> None:
    ensure_connection()
    async_post = AsyncPost.objects.select_related("linked_account").filter(id=UUID(async_post_id)).first()
    if async_post is None:
        return
    try:
        run(async_post)
    except TooManyRequests as error:
        with transaction.atomic():
            AsyncPost.objects.filter(id=async_post.id).update(status=AsyncPost.Status.QUEUED)
            create_interview.configure(schedule_in={"seconds": int(error.wait_seconds) + 1}).defer(
                async_post_id=async_post_id
            )
