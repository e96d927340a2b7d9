from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from linked_accounts.models import LinkedAccount
from passthrough.models import AsyncPassthrough
from passthrough.services import resolve
from unified.database import ensure_connection

# No POST is made again: see `resolve`.
LOST_DATABASE = RetryStrategy(max_attempts=100, wait=5, retry_exceptions=[OperationalError, InterfaceError])


def queue_passthrough(account: LinkedAccount, request: dict[str, Any]) -> AsyncPassthrough:
    """Have a worker pass a validated request on."""
    with transaction.atomic():
        passthrough = AsyncPassthrough.objects.create(linked_account=account, method=request["method"], request=request)
        pass_on.defer(passthrough_id=str(passthrough.id))
    return passthrough


@app.task(name="passthrough.pass_on", queue="calls", retry=LOST_DATABASE)
def pass_on(passthrough_id: str) -> None:
    ensure_connection()
    passthrough = AsyncPassthrough.objects.select_related("linked_account").filter(id=UUID(passthrough_id)).first()
    if passthrough is not None:
        resolve(passthrough)
