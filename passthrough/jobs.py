from typing import Any
from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app

from linked_accounts.models import LinkedAccount
from passthrough.models import AsyncPassthrough
from passthrough.services import resolve


def queue_passthrough(account: LinkedAccount, request: dict[str, Any]) -> AsyncPassthrough:
    """Have a worker pass a validated request on."""
    with transaction.atomic():
        passthrough = AsyncPassthrough.objects.create(linked_account=account, method=request["method"], request=request)
        pass_on.defer(passthrough_id=str(passthrough.id))
    return passthrough


@app.task(name="passthrough.pass_on", queue="calls")
def pass_on(passthrough_id: str) -> None:
    passthrough = AsyncPassthrough.objects.select_related("linked_account").filter(id=UUID(passthrough_id)).first()
    if passthrough is not None:
        resolve(passthrough)
