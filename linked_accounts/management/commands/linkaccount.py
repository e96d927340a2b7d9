import sys
from json import JSONDecodeError, dumps, load
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from linked_accounts.management.output import in_words
from linked_accounts.services import find_organization, link_account


class Command(BaseCommand):
    help = (
        "Link a customer's account at a platform and show its account token. The same origin id again links the same "
        "account anew: its id and token stay, all else becomes what is given. Without --organization it belongs to the "
        "only organization there is ('default', made here if there is none)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", help="which platform, such as greenhouse")
        parser.add_argument("--end-user-organization", metavar="NAME", required=True, help="the customer's name")
        parser.add_argument(
            "--end-user-origin-id", metavar="ID", required=True, help="the customer's id in your product"
        )
        parser.add_argument("--end-user-email", metavar="MAIL", required=True, help="the customer's e-mail address")
        parser.add_argument("--organization", metavar="NAME", help="whose customer it is")
        parser.add_argument("--base-url", metavar="URL", help="the platform's address, if not its usual one")
        parser.add_argument(
            "--credential",
            metavar="KEY=VALUE",
            action="append",
            default=[],
            help="may be repeated; other users of this machine can see it while the command runs",
        )
        parser.add_argument(
            "--credentials-file",
            metavar="FILE",
            help="a JSON object of credentials, - for standard input; --credential goes before it",
        )
        parser.add_argument("--test", action="store_true", help="a test account, which only test keys see")
        parser.add_argument("--json", action="store_true", help="print a JSON object: id, account_token")

    def handle(self, *, platform: str, json: bool, **options: Any) -> None:
        credentials = _from_file(options["credentials_file"]) | _from_arguments(options["credential"])
        try:
            with transaction.atomic():
                account, token = link_account(
                    organization=find_organization(name=options["organization"]),
                    platform=platform,
                    end_user_origin_id=options["end_user_origin_id"],
                    end_user_organization_name=options["end_user_organization"],
                    end_user_email_address=options["end_user_email"],
                    credentials=credentials,
                    base_url=options["base_url"],
                    is_test=options["test"],
                )
        except ValidationError as error:
            raise CommandError(in_words(error)) from error
        if token is None:
            self.stderr.write(
                "The account's token stays as it was, but cannot be shown: the secret key it was made with has been "
                "replaced. Put that one into SECRET_KEY_FALLBACKS to see it again."
            )
        if json:
            self.stdout.write(dumps({"id": str(account.id), "account_token": token}))
            return
        self.stdout.write(f"Linked {account}, id {account.id}")
        if token is not None:
            self.stdout.write(f"Its account token is\n\n  {token}\n\n", ending="")
            self.stdout.write("Keep it secret: with an API key it opens all that is stored of this account.")


def _from_arguments(pairs: list[str]) -> dict[str, str]:
    credentials = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise CommandError("--credential takes KEY=VALUE, such as api_key=abc.")  # not what was given: a secret?
        credentials[name] = value
    return credentials


def _from_file(path: str | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        if path == "-":
            credentials = load(sys.stdin)
        else:
            with open(path) as file:
                credentials = load(file)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from error
    except (JSONDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} does not hold JSON.") from error
    if not isinstance(credentials, dict):
        raise CommandError(f"{path} has to hold a JSON object of names and values.")
    if wrong := [name for name, value in credentials.items() if not isinstance(value, str)]:
        raise CommandError(f"{path}: the value of {', '.join(wrong)} has to be text.")
    return credentials
