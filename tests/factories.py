"""The smallest valid object of each model; a test sets only what it is about."""

import uuid
from datetime import UTC, datetime
from typing import Any

import factory

from applications.models import Application, Candidate, Job, JobInterviewStage, RejectReason
from interviews.models import ScheduledInterview
from linked_accounts.models import ApiKey, LinkedAccount, Organization
from remote_users.models import RemoteUser
from unified.identity import unified_id
from unified.models import UnifiedModel


class OrganizationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")


class LinkedAccountFactory(factory.django.DjangoModelFactory):
    """Has its account token in the attribute `token`."""

    class Meta:
        model = LinkedAccount

    organization = factory.SubFactory(OrganizationFactory)
    platform = "greenhouse"
    status = LinkedAccount.Status.COMPLETE
    end_user_origin_id = factory.Sequence(lambda n: f"customer-{n}")
    end_user_organization_name = "Acme"
    end_user_email_address = "it@acme.example"
    credentials = factory.LazyFunction(lambda: {"client_id": "acme", "client_secret": "secret"})

    @classmethod
    def _create(cls, model_class: type[LinkedAccount], *args: Any, **values: Any) -> LinkedAccount:
        account = model_class(*args, **values)
        account.token = account.issue_token()  # type: ignore[attr-defined]
        account.save()
        return account


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """Has its secret in the attribute `secret`."""

    class Meta:
        model = ApiKey

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"key {n}")

    @classmethod
    def _create(cls, model_class: type[ApiKey], *args: Any, **values: Any) -> ApiKey:
        key, secret = ApiKey.objects.issue(**values)
        key.secret = secret  # type: ignore[attr-defined]
        return key


class UnifiedFactory(factory.django.DjangoModelFactory):
    class Meta:
        abstract = True

    linked_account = factory.SubFactory(LinkedAccountFactory)
    remote_id = factory.Sequence(str)
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    modified_at = factory.SelfAttribute("created_at")

    @classmethod
    def _create(cls, model_class: type[UnifiedModel], *args: Any, **values: Any) -> UnifiedModel:
        remote_id = values["remote_id"]
        values.setdefault(
            "id",
            uuid.uuid4()
            if remote_id is None
            else unified_id(values["linked_account"].id, model_class.__name__, remote_id),
        )
        return super()._create(model_class, *args, **values)


class RemoteUserFactory(UnifiedFactory):
    class Meta:
        model = RemoteUser


class CandidateFactory(UnifiedFactory):
    class Meta:
        model = Candidate


class JobFactory(UnifiedFactory):
    class Meta:
        model = Job


class RejectReasonFactory(UnifiedFactory):
    class Meta:
        model = RejectReason


class JobInterviewStageFactory(UnifiedFactory):
    class Meta:
        model = JobInterviewStage


class ApplicationFactory(UnifiedFactory):
    class Meta:
        model = Application


class ScheduledInterviewFactory(UnifiedFactory):
    class Meta:
        model = ScheduledInterview

    job = factory.LazyAttribute(lambda interview: getattr(getattr(interview, "application", None), "job", None))
