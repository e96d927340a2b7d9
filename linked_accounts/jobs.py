from uuid import UUID

from procrastinate.contrib.django import app

from linked_accounts.deletion import erase


@app.task(name="linked_accounts.erase", queue="calls", retry=5)
def erase_account(account_id: str) -> None:
    erase(UUID(account_id))
