import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from connectors.errors import BadCredentials, MissingPermission
from connectors.records import RemoteUserRecord, Unreadable
from linked_accounts.models import LinkedAccount
from sync.engine import Progress
from sync.ingest import Counts
from sync.management.progress import watch
from sync.models import SyncRun
from tests.factories import LinkedAccountFactory

NOBODY = "00000000-0000-4000-8000-000000000000"
UNREADABLE = Unreadable(model_name="RemoteUser", remote_id="7", reason="no name")


def sync(*arguments):
    """Return exit code, standard output and standard error."""
    out, err = StringIO(), StringIO()
    try:
        call_command("sync", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return end.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_a_good_sync_ends_with_0(account, platform):
    platform.users = [RemoteUserRecord(remote_id="1")]

    code, out, err = sync("--account", str(account.id))

    assert code == 0
    assert "Acme: RemoteUser DONE: 1 records" in out
    assert f"Acme ({account.id}): DONE" in out
    assert err == ""


def test_a_partial_sync_ends_with_2_and_the_reason(account, platform):
    platform.users = [UNREADABLE]

    code, out, _ = sync("--account", str(account.id))

    assert code == 2
    assert "RemoteUser 7: no name" in out


def test_a_failed_sync_ends_with_1_and_the_reason(account, platform):
    platform.users = [MissingPermission("Users may not be read.")]

    code, out, _ = sync("--account", str(account.id))

    assert code == 1
    assert "RemoteUser: MissingPermission: Users may not be read." in out


def test_the_worst_result_of_several_accounts_wins(account, platform):
    LinkedAccountFactory(platform="fake")
    platform.users = lambda window: [UNREADABLE] if SyncRun.objects.count() == 1 else []

    assert sync("--all")[0] == 2
    assert SyncRun.objects.filter(result="DONE").count() == 1


def test_an_account_that_fails_leaves_the_others_alone(account, platform):
    LinkedAccountFactory(platform="fake")
    platform.users = lambda window: 1 / 0 if SyncRun.objects.count() == 1 else []

    code, out, _ = sync("--all")

    assert code == 1
    assert "ZeroDivisionError: the log says more" in out
    assert SyncRun.objects.filter(result="DONE").count() == 1


def test_json_is_all_there_is_on_standard_output(account, platform):
    platform.users = [RemoteUserRecord(remote_id="1"), UNREADABLE]

    code, out, err = sync("--account", str(account.id), "--json")

    assert code == 2
    report = json.loads(out)
    assert report["result"] == "PARTIALLY_SYNCED"
    assert report["accounts"][0]["account"] == str(account.id)
    users = {model["model_name"]: model for model in report["accounts"][0]["models"]}["RemoteUser"]
    assert users["counts"] == {"records": 1, "new": 1, "changed": 0, "deleted": 0, "problems": 1}
    assert users["problems"] == [{"remote_id": "7", "reason": "no name"}]
    assert "Acme: RemoteUser PARTIALLY_SYNCED" in err


def test_json_tells_of_accounts_that_could_not_begin(account, platform):
    account.mark_relink_needed("The key was revoked.")

    code, out, _ = sync("--account", str(account.id), "--json")

    assert code == 1
    assert "The key was revoked." in json.loads(out)["accounts"][0]["error"]


def test_bad_credentials_are_said_for_each_model(account, platform):
    platform.users = [BadCredentials("401")]

    _, out, _ = sync("--account", str(account.id), "--json")

    assert {model["result"] for model in json.loads(out)["accounts"][0]["models"]} == {"FAILED"}


def test_full_is_handed_on(account):
    sync("--all")

    sync("--all", "--full")

    assert list(SyncRun.objects.values_list("is_full", flat=True)) == [True, True]


@pytest.mark.parametrize("status", [LinkedAccount.Status.INCOMPLETE, LinkedAccount.Status.IDLE])
def test_all_leaves_out_accounts_that_nobody_uses(account, status):
    LinkedAccountFactory(platform="fake", status=status)

    assert sync("--all")[0] == 0
    assert SyncRun.objects.get().linked_account == account


def test_all_fails_for_accounts_that_have_to_be_linked_anew(account):
    LinkedAccountFactory(platform="fake", status=LinkedAccount.Status.RELINK_NEEDED, status_detail="Key revoked.")

    code, out, _ = sync("--all")

    assert code == 1
    assert "Key revoked." in out
    assert SyncRun.objects.get().linked_account == account


def test_all_says_that_there_is_no_account(db):
    assert sync("--all") == (0, "There is no linked account.\n", "")


@pytest.mark.parametrize("arguments", [[], ["--all", "--account", NOBODY]])
def test_one_has_to_say_which_accounts(db, arguments):
    with pytest.raises(CommandError, match="either --account ID, which may be repeated, or --all"):
        sync(*arguments)


@pytest.mark.parametrize("unknown", [NOBODY, "acme"])
def test_unknown_accounts_are_named(db, unknown):
    with pytest.raises(CommandError, match=f"There is no linked account {unknown}."):
        sync("--account", unknown)


def test_a_terminal_shows_a_table():
    class Terminal(StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    counts = Counts(records=1234, new=5)

    with watch(terminal, "Acme") as on_progress:
        on_progress(Progress(model_name="RemoteUser", counts=counts, requests=3, waited_seconds=2.0, result=None))

    assert "RemoteUser" in terminal.getvalue()
    assert "1,234" in terminal.getvalue()
