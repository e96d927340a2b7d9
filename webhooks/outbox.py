"""Notes events in the transaction of what they tell of: they exist if and only if that was committed.

Events are rendered when they happen, as the API shows things then, and never again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from rest_framework.serializers import BaseSerializer

from api.parameters import Shape
from api.renderers import ORJSONRenderer
from applications.serializers import ApplicationSerializer, JobInterviewStageSerializer
from interviews.serializers import ScheduledInterviewSerializer
from linked_accounts.models import LinkedAccount
from linked_accounts.scopes import hidden, permissions
from linked_accounts.serializers import AccountDetailsSerializer
from remote_users.serializers import RemoteUserSerializer
from sync.models import ModelSync
from webhooks.models import Delivery, Hook

SERIALIZERS: Mapping[str, Any] = {
    serializer.Meta.model.__name__: serializer
    for serializer in (
        ApplicationSerializer,
        JobInterviewStageSerializer,
        RemoteUserSerializer,
        ScheduledInterviewSerializer,
    )
}
ABOUT_ACCOUNT = (
    "id",
    "integration",
    "integration_slug",
    "category",
    "end_user_origin_id",
    "end_user_organization_name",
    "end_user_email_address",
    "status",
    "webhook_listener_url",
    "is_duplicate",
    "account_type",
    "completed_at",
)
CHUNK = 500


def emit(account: LinkedAccount, event: str, data: Callable[[], Any]) -> None:
    """Note one event for whoever listens; `data` is made only then."""
    hooks = Hook.objects.listening(account.id, event)
    if hooks and LinkedAccount.objects.hold(account.id):  # what is told of a deleted account would outlive it
        _note(hooks, account, event, [data()])


def emit_records(account_id: UUID, model_name: str, changes: Mapping[str, Sequence[str]]) -> None:
    """Note what became of records: `changes` holds their ids by "added", "changed" and "removed"."""
    events = {f"{model_name}.{change}": ids for change, ids in changes.items() if ids}
    if model_name not in SERIALIZERS or not events:
        return
    hooks = Hook.objects.listening(account_id, *events)
    if not hooks:
        return
    account = LinkedAccount.objects.select_related("organization").get(id=account_id)
    if not permissions(account, model_name).can_read:
        return
    for event, ids in events.items():
        listening = [hook for hook in hooks if event in hook.events]
        if event.endswith(".added") and _is_first_sync(account_id, model_name):
            listening = [hook for hook in listening if hook.tells_of_first_sync]
        if listening:
            _note(listening, account, event, shown(account, model_name, ids))


def shown(account: LinkedAccount, model_name: str, ids: Iterable[str]) -> list[Any]:
    """Return records as the API shows them: unexpanded, without originals, and without disabled fields."""
    serializer: BaseSerializer[Any] = SERIALIZERS[model_name](context={"shape": Shape(), "hidden": hidden(account)})
    model = SERIALIZERS[model_name].Meta.model
    return [serializer.to_representation(row) for row in model.objects.filter(id__in=list(ids))]


def details(account: LinkedAccount) -> dict[str, Any]:
    found = AccountDetailsSerializer(account).data
    return {name: found[name] for name in ABOUT_ACCOUNT}


def body(hook: Hook, about: Mapping[str, Any], event: str, data: Any) -> str:
    """Return the text that is sent, and signed, to the byte."""
    content = {
        "hook": {"id": hook.id, "event": event, "target": hook.target},
        "linked_account": about,
        "data": data,
    }
    return ORJSONRenderer().render(content).decode()


def _note(hooks: Iterable[Hook], account: LinkedAccount, event: str, data: Iterable[Any]) -> None:
    about = details(account)
    Delivery.objects.bulk_create(
        [
            Delivery(hook=hook, linked_account_id=account.id, event=event, body=body(hook, about, event, one))
            for one in data
            for hook in hooks
        ],
        batch_size=CHUNK,
    )


def _is_first_sync(account_id: UUID, model_name: str) -> bool:
    return ModelSync.objects.filter(
        linked_account=account_id, model_name=model_name, is_initial_sync=True, last_sync_start__isnull=False
    ).exists()
