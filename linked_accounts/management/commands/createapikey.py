from json import dumps
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DataError, IntegrityError, transaction

from linked_accounts import audit
from linked_accounts.management.output import in_words
from linked_accounts.models import ApiKey
from linked_accounts.services import find_organization


class Command(BaseCommand):
    help = (
        "Make an API key and show it, once. Without --organization it is for the only organization there is (called "
        "'default' and made here if there is none); an organization that is named and does not exist is made."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what to call the key, unique in its organization")
        parser.add_argument("--organization", metavar="NAME", help="whose key it is")
        parser.add_argument("--test", action="store_true", help="a key that sees test accounts, and only these")
        parser.add_argument("--json", action="store_true", help="print a JSON object: organization, name, key")

    def handle(self, *, name: str, organization: str | None, test: bool, json: bool, **options: Any) -> None:
        if not name.strip():
            raise CommandError("The key needs a name.")
        try:
            with transaction.atomic():
                owner = find_organization(name=organization, create=True)
                key, secret = ApiKey.objects.issue(organization=owner, name=name, is_test=test)
                kind = "TEST" if test else "REMOTE_PRODUCTION"
                audit.record(owner.id, f"CREATED_{kind}_API_KEY", f"Key {name}.")
        except ValidationError as error:
            raise CommandError(in_words(error)) from error
        except DataError as error:
            raise CommandError("A name has no more than 255 characters.") from error
        except IntegrityError as error:
            raise CommandError(f"{owner} has a key called {name} already: choose another name.") from error
        if json:
            self.stdout.write(dumps({"organization": owner.name, "name": key.name, "key": secret}))
            return
        self.stdout.write(f"API key {key.name} of {owner}:\n\n  {secret}\n\n", ending="")
        self.stdout.write("Keep it now, and keep it secret: it will not be shown again.")
