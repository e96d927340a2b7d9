"""Target fields: from the platform's originals to `field_mappings`."""

import pytest
from django.urls import reverse
from merge import Merge

from applications.models import Application
from connectors.records import Original, RemoteUserRecord
from field_mappings import views
from field_mappings.models import FieldMapping, TargetField
from field_mappings.services import delete_mapping
from field_mappings.values import Mappings, template, traverse
from linked_accounts.deletion import delete_account
from linked_accounts.models import AuditEvent, LinkedAccount
from linked_accounts.scopes import change_scopes
from remote_users.models import RemoteUser
from sync.engine import synchronise
from sync.ingest import Ingest
from sync.models import Schedule
from tests.conftest import Api
from tests.factories import ApiKeyFactory, LinkedAccountFactory
from tests.platforms import linked

NOBODY = "b8faf072-98b9-4445-8a9a-6b4950efca19"
PLACE = {
    "target_field_name": "team",
    "target_field_description": "Which team",
    "remote_field_traversal_path": ["custom", "team"],
    "remote_method": "GET",
    "remote_url_path": "/users",
    "common_model_name": "RemoteUser",
}


@pytest.fixture
def account(transactional_db):
    return LinkedAccountFactory()


@pytest.fixture
def api(account):
    return Api(account)


def send(api, method, path="field-mappings", body=None):
    return getattr(api.client, method)(f"/api/ats/v1/{path}", body, content_type="application/json")


def user(remote_id="1", team="Blue"):
    fields = [{"id": "1", "title": "Region", "value": "North"}, {"id": "2", "title": "Size", "value": 7}]
    data = {"id": remote_id, "custom": {"team": team, "tags": ["a", "b"]}, "fields": fields}
    return RemoteUserRecord(remote_id=remote_id, remote_data=(Original("/users", data),))


def mapped(api):
    return api.results("users")[0]["field_mappings"]


def test_a_custom_field_appears_after_mapping_and_goes_after_unmapping(transactional_db):
    with linked("greenhouse", interviews=10) as platform:
        api = Api(platform.account)
        synchronise(platform.account)
        (field,) = [
            one
            for one in api.get("remote-fields", common_models="Application").json()["Application"]
            if one["remote_endpoint_info"]["field_traversal_path"] == ["custom_fields", "region", "value"]
        ]
        info = field["remote_endpoint_info"]
        made = send(
            api,
            "post",
            body={
                **PLACE,
                "target_field_name": "region",
                "common_model_name": "Application",
                "remote_field_traversal_path": info["field_traversal_path"],
                "remote_url_path": info["url_path"],
            },
        )
        before = dict(Application.objects.values_list("id", "modified_at"))
        synchronise(platform.account, full=True)
        with_field = api.results("applications", page_size=100)
        during = dict(Application.objects.values_list("id", "modified_at"))
        synchronise(platform.account, full=True)
        assert dict(Application.objects.values_list("id", "modified_at")) == during
        assert send(api, "delete", f"field-mappings/{made.json()['model']['id']}").status_code == 200
        synchronise(platform.account, full=True)
        without = api.results("applications", page_size=100)
        after = dict(Application.objects.values_list("id", "modified_at"))

    regions = {one["field_mappings"]["linked_account_defined_targets"]["region"]["value"] for one in with_field}
    assert regions == {"North", "South", "West"}
    assert {str(one["field_mappings"]["linked_account_defined_targets"]) for one in without} == {"{}"}
    assert all(before[id] < during[id] < after[id] for id in before)


def test_a_mapping_is_answered_listed_and_noted(api, account):
    made = send(api, "post", body=PLACE)

    assert made.status_code == 201, made.content
    model = made.json()["model"]
    assert (made.json()["warnings"], made.json()["errors"]) == ([], [])
    assert model == {
        "id": model["id"],
        "is_integration_wide": False,
        "target_field": {"name": "team", "description": "Which team", "is_organization_wide": False},
        "remote_field": {
            "remote_key_name": "team",
            "schema": {"type": "string"},
            "remote_endpoint_info": {
                "method": "GET",
                "url_path": "/users",
                "field_traversal_path": ["custom", "team"],
            },
        },
        "jmes_path": None,
    }
    listed = api.get("field-mappings").json()
    assert listed["RemoteUser"] == [model]
    assert (listed["Application"], listed["Candidate"]) == ([], [])
    brief = api.get("field-mappings", exclude_remote_field_metadata="true").json()["RemoteUser"][0]["remote_field"]
    assert (brief["remote_key_name"], brief["schema"]) == (None, None)
    assert AuditEvent.objects.get().event_type == "CREATED_LINKED_ACCOUNT_FIELD_MAPPING"
    assert Schedule.objects.get().full_wanted_at


def test_values_come_with_records_and_count_as_changes(api, account):
    send(api, "post", body=PLACE)
    ingest = Ingest(account.id)
    ingest.store([user()])
    first = RemoteUser.objects.get().modified_at
    ingest.store([user()])
    assert RemoteUser.objects.get().modified_at == first

    ingest.store([user(team="Red")])

    assert mapped(api) == {
        "organization_defined_targets": {},
        "linked_account_defined_targets": {"team": {"value": "Red"}},
    }
    assert RemoteUser.objects.get().modified_at > first


def test_a_record_that_comes_without_originals_keeps_its_values(api, account):
    send(api, "post", body=PLACE)
    Ingest(account.id).store([user()])
    before = RemoteUser.objects.get().modified_at

    Ingest(account.id).store([RemoteUserRecord(remote_id="1")])

    assert mapped(api)["linked_account_defined_targets"] == {"team": {"value": "Blue"}}
    assert RemoteUser.objects.get().modified_at == before


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ({"remote_field_traversal_path": ["custom"], "jmes_path": "tags[1]"}, "b"),
        ({"remote_field_traversal_path": ["custom", "tags", 0]}, "a"),
        ({"remote_field_traversal_path": ["custom", "tags", "7"]}, None),
        ({"remote_field_traversal_path": ["custom", "team", "deeper"]}, None),
        ({"remote_url_path": "/elsewhere"}, None),
        ({"jmes_path": "length(@)"}, 4),
        ({"remote_field_traversal_path": ["custom", "tags", "9" * 200]}, None),
        ({"remote_field_traversal_path": ["custom"], "jmes_path": "abs(team)"}, None),  # which is no number
        ({"jmes_path": "to_number('nan')"}, None),  # which no JSON has
        ({"jmes_path": "&team"}, None),  # a function
        ({"remote_field_traversal_path": ["custom", "tags"], "jmes_path": "[::0]"}, None),
        ({"remote_field_traversal_path": ["fields", "Region", "value"]}, "North"),
        ({"remote_field_traversal_path": ["fields", 1, "value"]}, 7),
        ({"remote_field_traversal_path": ["fields"], "jmes_path": "[?title=='Size'].value | [0]"}, 7),
    ],
)
def test_what_a_mapping_finds(api, account, place, value):
    send(api, "post", body=PLACE | place)

    Ingest(account.id).store([user()])

    assert mapped(api)["linked_account_defined_targets"] == {"team": {"value": value}}


def test_a_mapping_can_be_led_elsewhere(api, account):
    id = send(api, "post", body=PLACE).json()["model"]["id"]

    answer = send(api, "patch", f"field-mappings/{id}", {"remote_field_traversal_path": ["id"]})

    assert answer.status_code == 200
    Ingest(account.id).store([user()])
    assert mapped(api)["linked_account_defined_targets"] == {"team": {"value": "1"}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target_field_name": ""}, "target_field_name"),
        ({"target_field_name": "x" * 256}, "target_field_name"),
        ({"common_model_name": "Nonsense"}, "common_model_name"),
        ({"common_model_name": "Candidate"}, "common_model_name"),
        ({"remote_field_traversal_path": []}, "remote_field_traversal_path"),
        ({"remote_field_traversal_path": "custom"}, "remote_field_traversal_path"),
        ({"remote_field_traversal_path": [{"a": 1}]}, "remote_field_traversal_path"),
        ({"remote_field_traversal_path": [True]}, "remote_field_traversal_path"),
        ({"remote_field_traversal_path": [-1]}, "remote_field_traversal_path"),
        ({"remote_field_traversal_path": [2**63]}, "remote_field_traversal_path"),
        ({"remote_field_traversal_path": ["\0"]}, "remote_field_traversal_path"),  # no column takes it
        ({"remote_field_traversal_path": ["x" * 256]}, "remote_field_traversal_path"),
        ({"remote_method": "BREW"}, "remote_method"),
        ({"remote_url_path": None}, "remote_url_path"),
        ({"jmes_path": "a[["}, "jmes_path"),
        ({"jmes_path": "(" * 1000}, "jmes_path"),  # deeper than Python goes
        ({"jmes_path": "[@,@]" + "|[@,@]" * 30}, "jmes_path"),  # 2 ** 31 copies
    ],
)
def test_nonsense_is_refused(api, change, field):
    answer = send(api, "post", body=PLACE | change)

    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not FieldMapping.objects.exists()


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_mapping_that_somebody_removes_meanwhile_is_not_found(api, account, monkeypatch, method):
    id = send(api, "post", body=PLACE).json()["model"]["id"]
    monkeypatch.setattr("field_mappings.views._find", found_and_then_removed(views._find))

    answer = send(api, method, f"field-mappings/{id}", body={"remote_method": "POST"})

    assert answer.status_code == 404
    assert not FieldMapping.objects.exists()
    assert not TargetField.objects.exists()


def found_and_then_removed(find):
    def find_and_remove(*args):
        account, mapping = find(*args)
        delete_mapping(FieldMapping.objects.get(id=mapping.id))
        return account, mapping

    return find_and_remove


def test_a_name_is_mapped_once(api):
    send(api, "post", body=PLACE)

    assert list(send(api, "post", body=PLACE).json()) == ["target_field_name"]


def test_accounts_do_not_see_each_others(api, account):
    id = send(api, "post", body=PLACE).json()["model"]["id"]
    neighbour = Api(other := LinkedAccountFactory(organization=account.organization))
    Ingest(other.id).store([user()])

    assert neighbour.get("field-mappings").json()["RemoteUser"] == []
    assert mapped(neighbour)["linked_account_defined_targets"] == {}
    for method in ("patch", "delete"):
        assert send(neighbour, method, f"field-mappings/{id}", {}).status_code == 404
    assert send(api, "delete", f"field-mappings/{NOBODY}").status_code == 404


def test_the_organizations_targets_hold_for_all_accounts_of_a_platform(api, account):
    target = TargetField.objects.create(organization=account.organization, common_model="RemoteUser", name="team")
    TargetField.objects.create(organization=account.organization, common_model="RemoteUser", name="unmapped")
    TargetField.objects.create(organization=LinkedAccountFactory().organization, common_model="RemoteUser", name="x")
    FieldMapping.objects.create(
        target_field=target, platform="greenhouse", url_path="/users", traversal_path=["custom", "team"]
    )
    elsewhere = LinkedAccountFactory(organization=account.organization, platform="lever")
    for one in (account, elsewhere):
        Ingest(one.id).store([user()])

    assert mapped(api)["organization_defined_targets"] == {"team": {"value": "Blue"}}
    assert mapped(Api(elsewhere))["organization_defined_targets"] == {}
    assert api.get("target-fields").json()["RemoteUser"] == [
        {"name": "team", "description": "", "is_mapped": "true"},
        {"name": "unmapped", "description": "", "is_mapped": "false"},
    ]
    send(api, "post", body=PLACE | {"remote_field_traversal_path": ["id"]})
    Ingest(account.id).store([user()])
    assert mapped(api)["organization_defined_targets"] == {"team": {"value": "1"}}


def test_remote_fields_tell_what_the_originals_hold(api, account):
    Ingest(account.id).store([user("1"), user("2", team=None), user("3", team=5)])

    fields = {
        tuple(one["remote_endpoint_info"]["field_traversal_path"]): one
        for one in api.get("remote-fields", common_models="RemoteUser", include_example_values="true").json()[
            "RemoteUser"
        ]
    }

    assert fields["custom", "team"] == {
        "schema": {"type": ["integer", "string"]},
        "remote_key_name": "team",
        "remote_endpoint_info": {"method": "GET", "url_path": "/users", "field_traversal_path": ["custom", "team"]},
        "example_values": fields["custom", "team"]["example_values"],
        "advanced_metadata": None,
        "coverage": 0.67,
    }
    assert set(fields["custom", "team"]["example_values"]) == {"Blue", 5}
    assert fields["fields", "Region", "value"]["example_values"] == ["North"]
    assert fields["custom", "tags"]["schema"] == {"type": "array"}
    assert api.get("remote-fields").json()["RemoteUser"][0]["example_values"] == []
    assert api.get("remote-fields", common_models="Nonsense").status_code == 400


def test_a_field_counts_once_for_a_record_of_several_originals(api, account):
    originals = tuple(Original(f"/users/{number}", {"id": number}) for number in (1, 2))
    Ingest(account.id).store([RemoteUserRecord(remote_id="1", remote_data=originals)])

    (field,) = api.get("remote-fields").json()["RemoteUser"]

    assert field["coverage"] == 1
    assert field["remote_endpoint_info"]["url_path"] == "/users/{id}"


@pytest.mark.parametrize("scope", [{"read": False}, {"disabled_fields": ["email"]}])
def test_remote_fields_show_nothing_of_originals_that_may_not_be_seen(api, account, scope):
    Ingest(account.id).store([user()])
    change_scopes(account, {"RemoteUser": scope})

    assert api.get("remote-fields", include_example_values="true").json()["RemoteUser"] == []


def test_an_account_is_removed_with_its_mappings(api, account):
    send(api, "post", body=PLACE)

    delete_account(account)

    assert not LinkedAccount.objects.exists()
    assert not TargetField.objects.exists()


def test_a_mapping_made_while_a_full_sync_runs_wants_another_one(transactional_db):
    with linked("greenhouse", interviews=2) as platform:
        made = []

        def map_meanwhile(progress):
            if not made:
                made.append(send(Api(platform.account), "post", body=PLACE))

        synchronise(platform.account, full=True, on_progress=map_meanwhile)
        assert Schedule.objects.get().full_wanted_at

        synchronise(platform.account, full=True)
        assert not Schedule.objects.get().full_wanted_at


def test_a_mapping_of_an_account_that_is_to_be_linked_again_waits_for_that(api, account):
    account.mark_relink_needed("The key was withdrawn.")

    send(api, "post", body=PLACE)

    assert Schedule.objects.get().full_wanted_at


def test_mappings_cost_a_sync_one_query(account, django_assert_num_queries):
    with django_assert_num_queries(1):
        Mappings(account.id)


def test_ids_in_paths_of_originals_do_not_matter():
    assert template("/opportunities/6408dc54-1f2a-4b1c-9d2e-0a1b2c3d4e5f/interviews") == template(
        "opportunities/{id}/interviews"
    )
    assert traverse({"a": [{"b": 1}]}, ["a", "0", "b"]) == 1


def test_the_operator_maps_for_all_accounts_in_the_admin(account, admin_client):
    page = reverse("admin:field_mappings_targetfield_add")
    form = {
        "organization": account.organization_id,
        "common_model": "RemoteUser",
        "name": "team",
        "mappings-TOTAL_FORMS": 1,
        "mappings-INITIAL_FORMS": 0,
        "mappings-0-platform": "greenhouse",
        "mappings-0-url_path": "/users",
        "mappings-0-traversal_path": '["custom", "team"]',
    }
    assert admin_client.post(page, form | {"mappings-0-jmes_path": "a[["}).status_code == 200

    assert admin_client.post(page, form).status_code == 302

    assert FieldMapping.objects.get().is_integration_wide
    assert Schedule.objects.get(linked_account=account).full_wanted_at
    assert AuditEvent.objects.get().event_type == "CREATED_INTEGRATION_WIDE_FIELD_MAPPING"
    assert admin_client.post(page, form).status_code == 200  # the name is taken


@pytest.mark.parametrize("ending", ["change", "delete"])
def test_what_the_operator_does_to_a_target_reaches_accounts_that_map_it_themselves(account, admin_client, ending):
    target = TargetField.objects.create(organization=account.organization, common_model="RemoteUser", name="team")
    send(Api(account), "post", body=PLACE)
    Schedule.objects.update(full_wanted_at=None)
    form = {"name": "crew", "post": "yes", "mappings-TOTAL_FORMS": 0, "mappings-INITIAL_FORMS": 0}

    answer = admin_client.post(reverse(f"admin:field_mappings_targetfield_{ending}", args=[target.id]), form)

    assert answer.status_code == 302
    assert Schedule.objects.get().full_wanted_at


def test_the_operator_maps_a_target_once_for_each_platform(account, admin_client):
    target = TargetField.objects.create(organization=account.organization, common_model="RemoteUser", name="team")
    form = {"name": "team", "mappings-TOTAL_FORMS": 2, "mappings-INITIAL_FORMS": 0}
    for number in range(2):
        form |= {
            f"mappings-{number}-platform": "greenhouse",
            f"mappings-{number}-url_path": "/users",
            f"mappings-{number}-traversal_path": '["id"]',
        }

    page = reverse("admin:field_mappings_targetfield_change", args=[target.id])

    assert admin_client.post(page, form).status_code == 200
    assert not FieldMapping.objects.exists()


def test_merges_client_maps_fields(account, live_server):
    Ingest(account.id).store([user()])
    key = ApiKeyFactory(organization=account.organization)
    merge = Merge(api_key=key.secret, account_token=account.token, base_url=f"{live_server.url}/api")

    made = merge.ats.field_mapping.field_mappings_create(**PLACE)
    changed = merge.ats.field_mapping.field_mappings_partial_update(made.model.id, jmes_path="length(@)")
    listed = merge.ats.field_mapping.field_mappings_retrieve()
    known = merge.ats.field_mapping.remote_fields_retrieve(common_models="RemoteUser", include_example_values="true")
    targets = merge.ats.field_mapping.target_fields_retrieve()
    removed = merge.ats.field_mapping.field_mappings_destroy(made.model.id)

    assert changed.model.jmes_path == "length(@)"
    assert [one.target_field.name for one in listed.remote_user] == ["team"]
    assert "team" in {one.remote_key_name for one in known.remote_user}
    assert targets.remote_user == []
    assert removed.model.id == made.model.id
