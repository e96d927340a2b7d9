from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from linked_accounts.signals import housekeeping
from passthrough.models import KEPT_FOR, AsyncPassthrough


@receiver(housekeeping)
def forget_old_passthrough(**about: Any) -> None:
    AsyncPassthrough.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
