from datetime import timedelta
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from interviews.models import AsyncPost
from linked_accounts.signals import housekeeping

KEEP_ASYNC_POSTS = timedelta(days=30)


@receiver(housekeeping)
def forget_old_async_posts(**about: Any) -> None:
    AsyncPost.objects.filter(finished_at__lt=timezone.now() - KEEP_ASYNC_POSTS).delete()
