"""What operators do with targets and deliveries on the admin pages."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from linked_accounts.models import AuditEvent
from tests.factories import OrganizationFactory
from webhooks.models import Delivery, DeliveryAttempt, Hook, SigningKey
from webhooks.services import ping

LIST = "admin:webhooks_delivery_changelist"


@pytest.fixture(autouse=True)
def _targets_are_anywhere(settings):
    settings.ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def hook(db):
    return Hook.objects.create(
        organization=OrganizationFactory(), target="https://app.example.com/hooks", events=["Issue.new"]
    )


def form_of(hook, **more):
    about = {"organization": hook.organization_id, "target": hook.target, "account_type": "PRODUCTION"}
    return about | {"is_active": "on", "events": hook.events} | more


def deliveries(hook, number, **about):
    ids = [ping(hook).id for _ in range(number)]
    Delivery.objects.filter(id__in=ids).update(**about)
    return ids


def send_again(admin_client, ids, query=None, **more):
    form = {"action": "send_again", "_selected_action": ids} | more
    return admin_client.post(reverse(LIST, query=query), form, follow=True)


def test_who_adds_a_first_target_is_shown_the_key_once(admin_client, hook):
    answers = [admin_client.post(reverse("admin:webhooks_hook_add"), form_of(hook), follow=True) for _ in range(2)]

    secret = SigningKey.current(hook.organization).secret
    assert [secret in answer.content.decode() for answer in answers] == [True, False]
    assert Hook.objects.count() == 3


def test_a_target_that_is_moved_is_tried_at_once(admin_client, hook):
    Hook.objects.update(failures=20, paused_until=timezone.now() + timedelta(hours=1))
    url = reverse("admin:webhooks_hook_change", args=[hook.id])

    admin_client.post(url, form_of(hook))
    hook.refresh_from_db()
    assert hook.failures == 20

    admin_client.post(url, form_of(hook, target="https://new.example.com/hooks"))
    hook.refresh_from_db()
    assert (hook.target, hook.failures, hook.paused_until) == ("https://new.example.com/hooks", 0, None)


def test_a_target_is_deleted_with_what_was_sent_there(admin_client, hook):
    delivery = ping(hook)
    DeliveryAttempt.objects.create(delivery=delivery, started_at=timezone.now(), seconds=1, request_headers={})
    url = reverse("admin:webhooks_hook_delete", args=[hook.id])

    assert "Deliveries: 1" in admin_client.get(url).content.decode()
    admin_client.post(url, {"post": "yes"})

    assert not Hook.objects.exists()
    assert not Delivery.objects.exists()
    assert AuditEvent.objects.get().event_type == "DELETED_DESTINATION"


def test_one_delivery_is_sent_again(admin_client, hook):
    one, other = deliveries(hook, 2, status="FAILED")

    send_again(admin_client, [one])

    assert Delivery.objects.get(id=one).status == "PENDING"
    assert Delivery.objects.get(id=other).status == "FAILED"


def test_all_that_a_list_is_narrowed_to_is_sent_again(admin_client, hook):
    failed = deliveries(hook, 40, status="FAILED")  # more than one page
    deliveries(hook, 3, status="DELIVERED")

    send_again(admin_client, failed[:1], {"status__exact": "FAILED"}, select_across="1")

    assert set(Delivery.objects.filter(status="PENDING").values_list("id", flat=True)) == set(failed)


def test_a_delivery_shows_what_was_answered_and_hides_tokens(admin_client, hook):
    delivery = ping(hook)
    delivery.body = '{"hook": {}, "linked_account": {}, "data": {"account_token": "very-secret"}}'
    delivery.save()
    DeliveryAttempt.objects.create(
        delivery=delivery,
        started_at=timezone.now(),
        seconds=1,
        request_headers={"webhook-id": "x"},
        response_status=500,
        response_body="<b>Ouch</b>",
    )

    page = admin_client.get(reverse("admin:webhooks_delivery_change", args=[delivery.id])).content.decode()

    assert "&lt;b&gt;Ouch" in page
    assert "very-secret" not in page
