from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from linked_accounts import audit
from linked_accounts.management.output import in_words
from linked_accounts.models import AccountType, Organization
from linked_accounts.services import find_organization
from webhooks.events import EVENTS
from webhooks.models import Delivery, Hook, SigningKey
from webhooks.services import delete_hook, ping, rotate_signing_key


class Command(BaseCommand):
    help = "Manage where events are sent: targets, signing keys, deliveries that are to be made once more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="NAME", help="whose webhooks; not needed where there is one only")
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="show the targets")
        create = actions.add_parser("create", help="add a target")
        create.add_argument("target", help="the address that events are sent to")
        create.add_argument("--event", action="append", choices=EVENTS, help="again for each; all without it")
        create.add_argument("--test", action="store_true", help="tell of test accounts in place of the others")
        create.add_argument("--without-first-sync", action="store_true", help="no .added events of first syncs")
        for action, text in (
            ("disable", "send nothing there"),
            ("enable", "send again"),
            ("ping", "send a test"),
            ("delete", "remove a target, with all that was or is to be sent there"),
        ):
            actions.add_parser(action, help=text).add_argument("id", type=UUID)
        actions.add_parser("secret", help="show the signing key")
        actions.add_parser("rotate", help="make a new signing key; the old one signs beside it for a week")
        replay = actions.add_parser("replay", help="send deliveries once more")
        replay.add_argument("--id", type=UUID, help="this one only")
        replay.add_argument("--webhook", metavar="ID", type=UUID, help="those to this target only")
        replay.add_argument("--failed", action="store_true", help="those only that failed for good")
        replay.add_argument("--since", metavar="TIME", help="those from then on, such as 2027-01-31T09:00:00Z")
        replay.add_argument("--until", metavar="TIME", help="those before then")

    def handle(self, *, action: str, organization: str | None, **options: Any) -> None:
        try:
            owner = find_organization(name=organization)
            getattr(self, f"_{action}")(owner, **options)
        except ValidationError as error:
            raise CommandError(in_words(error)) from error

    def _list(self, owner: Organization, **options: Any) -> None:
        for hook in Hook.objects.filter(organization=owner).order_by("created_at"):
            state = "disabled" if not hook.is_active else "paused" if hook.paused_until else "active"
            waiting = hook.deliveries.filter(status=Delivery.Status.PENDING).count()
            self.stdout.write(f"{hook.id}  {state}, {waiting} waiting  {hook.target}  {', '.join(hook.events)}")

    def _create(
        self, owner: Organization, *, target: str, event: list[str], test: bool, without_first_sync: bool, **_: Any
    ) -> None:
        hook = Hook(
            organization=owner,
            target=target,
            events=event or list(EVENTS),
            account_type=AccountType.TEST if test else AccountType.PRODUCTION,
            tells_of_first_sync=not without_first_sync,
        )
        hook.full_clean()
        with transaction.atomic():
            hook.save()
            _record("CREATED", hook)
        self.stdout.write(f"{hook.id}  {hook.target}\nSigning key: {SigningKey.current(owner).secret}")

    def _disable(self, owner: Organization, *, id: UUID, **options: Any) -> None:
        self._change(_hook(owner, id), is_active=False)

    def _enable(self, owner: Organization, *, id: UUID, **options: Any) -> None:
        self._change(_hook(owner, id), is_active=True, failures=0, paused_until=None)

    @transaction.atomic
    def _change(self, hook: Hook, **values: Any) -> None:
        Hook.objects.filter(id=hook.id).update(**values)
        _record("CHANGED", hook)

    def _delete(self, owner: Organization, *, id: UUID, **options: Any) -> None:
        delete_hook(_hook(owner, id))

    def _ping(self, owner: Organization, *, id: UUID, **options: Any) -> None:
        self.stdout.write(f"Queued as {ping(_hook(owner, id)).id}.")

    def _secret(self, owner: Organization, **options: Any) -> None:
        self.stdout.write(SigningKey.current(owner).secret)

    def _rotate(self, owner: Organization, **options: Any) -> None:
        self.stdout.write(rotate_signing_key(owner).secret)

    def _replay(
        self,
        owner: Organization,
        *,
        id: UUID | None,
        webhook: UUID | None,
        failed: bool,
        since: str | None,
        until: str | None,
        **_: Any,
    ) -> None:
        deliveries = Delivery.objects.filter(hook__organization=owner)
        if id:
            deliveries = deliveries.filter(id=id)
        if webhook:
            deliveries = deliveries.filter(hook=_hook(owner, webhook))
        if failed:
            deliveries = deliveries.filter(status=Delivery.Status.FAILED)
        if since:
            deliveries = deliveries.filter(created_at__gte=_time("--since", since))
        if until:
            deliveries = deliveries.filter(created_at__lt=_time("--until", until))
        if not (id or failed or since):
            raise CommandError("Say which: --id, --failed or --since.")
        self.stdout.write(f"{deliveries.replay(timezone.now())} to be sent once more.")


def _record(kind: str, hook: Hook) -> None:
    audit.record(hook.organization_id, f"{kind}_DESTINATION", f"Webhook to {hook.target}.")


def _hook(owner: Organization, id: UUID) -> Hook:
    hook = Hook.objects.filter(organization=owner, id=id).first()
    if hook is None:
        raise CommandError(f"{owner} has no webhook {id}.")
    return hook


def _time(option: str, text: str) -> Any:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(f"{option}: give a time with its offset, such as 2027-01-31T09:00:00Z.")
    return found
