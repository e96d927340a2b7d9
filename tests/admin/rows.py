"""One row of any registered model, and the addresses of its pages."""

from datetime import UTC, datetime

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from applications.models import Application, JobInterviewStage
from field_mappings.models import TargetField
from interviews.models import ScheduledInterview
from linked_accounts import audit
from linked_accounts.models import ApiKey, AuditEvent, LinkedAccount, Organization
from linking.models import LinkToken
from linking.services import issue_link_token
from passthrough.models import AsyncPassthrough
from sync.jobs import queue_sync
from sync.models import Issue, ModelSync, Schedule, SyncRun
from tests import factories
from unified.models import UnifiedModel
from webhooks.models import Delivery, Hook, SigningKey
from webhooks.services import ping

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
UNIFIED = [model for model in MODELS if issubclass(model, UnifiedModel)]


def label(model):
    return model._meta.label_lower


def list_of(model, **parameters):
    return reverse(f"admin:{label(model).replace('.', '_')}_changelist", query=parameters or None)


def page_of(row):
    return reverse(f"admin:{label(row).replace('.', '_')}_change", args=[row.pk])


def make(model):
    """Make one row with an account and references of its own, so that whatever is read row by row shows."""
    if model is User:
        return User.objects.create_user(f"staff {User.objects.count()}", password="password-marker")
    if model is Group:
        return Group.objects.create(name=f"group {Group.objects.count()}")
    if model is AuditEvent:
        return audit.record(factories.OrganizationFactory().id, "CHANGED_SCOPES", "Default scopes.")
    if model in (Organization, ApiKey, LinkedAccount):
        return getattr(factories, f"{model.__name__}Factory")()
    account = factories.LinkedAccountFactory()
    if model is AsyncPassthrough:
        return AsyncPassthrough.objects.create(linked_account=account, method="GET", request={"path": "/"})
    if model is SigningKey:
        return SigningKey.current(account.organization)
    if model is LinkToken:
        return issue_link_token(
            organization=account.organization,
            account_type="PRODUCTION",
            end_user_origin_id="42",
            end_user_organization_name="Acme",
            end_user_email_address="it@acme.example",
            expires_at=datetime(2027, 1, 1, tzinfo=UTC),
        )[0]
    if model is TargetField:
        return TargetField.objects.create(organization=account.organization, common_model="RemoteUser", name="team")
    if model in (Hook, Delivery):
        target = "https://app.example.com/hooks"
        hook = Hook.objects.create(organization=account.organization, target=target, events=["Issue.new"])
        return hook if model is Hook else ping(hook)
    if model is SyncRun:
        return SyncRun.objects.create(linked_account=account, is_full=True, started_at=datetime(2026, 1, 1, tzinfo=UTC))
    if model is ModelSync:
        return ModelSync.objects.create(linked_account=account, model_name="Job")
    if model is Schedule:
        return Schedule.objects.create(linked_account=account)
    if model is Issue:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        return Issue.objects.create(
            linked_account=account, error_description="API error", first_incident_time=now, last_incident_time=now
        )
    if model is ProcrastinateJob:
        queue_sync(account)
        return ProcrastinateJob.objects.latest("id")
    references = {}
    if model in (JobInterviewStage, Application):
        references["job"] = factories.JobFactory(linked_account=account, name="Welder")
    if model is Application:
        references |= {
            "candidate": factories.CandidateFactory(linked_account=account, first_name="Ada"),
            "credited_to": factories.RemoteUserFactory(linked_account=account),
            "current_stage": factories.JobInterviewStageFactory(linked_account=account),
            "reject_reason": factories.RejectReasonFactory(linked_account=account),
        }
    if model is ScheduledInterview:
        people = factories.RemoteUserFactory.create_batch(3, linked_account=account)
        candidate = factories.CandidateFactory(linked_account=account, first_name="Ada")
        references = {
            "application": factories.ApplicationFactory(
                linked_account=account, candidate=candidate, job=factories.JobFactory(linked_account=account)
            ),
            "job_interview_stage": factories.JobInterviewStageFactory(linked_account=account),
            "organizer": people[0],
            "interviewers": [person.id for person in people],
        }
    row = getattr(factories, f"{model.__name__}Factory")(linked_account=account, **references)
    stored = model._meta.get_field("stored_remote_data").related_model
    stored.objects.create(record=row, entries=[{"path": "/here", "data": {"id": row.remote_id}}], content_hash=b"0")
    return row
