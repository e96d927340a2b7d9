"""Every endpoint of the API, a line each. Paths are served with and without a slash at their end."""

from api.absent import AbsentViewSet
from api.routers import Router
from applications.views import (
    ApplicationViewSet,
    CandidateViewSet,
    JobInterviewStageViewSet,
    JobViewSet,
    RejectReasonViewSet,
)
from field_mappings.views import FieldMappingViewSet, RemoteFieldViewSet, TargetFieldViewSet
from interviews.views import AsyncTaskViewSet, ScheduledInterviewViewSet
from linked_accounts.views import (
    AccountDetailsViewSet,
    AuditTrailViewSet,
    AvailableActionsViewSet,
    DefaultScopesViewSet,
    DeleteAccountViewSet,
    GenerateKeyViewSet,
    LinkedAccountScopesViewSet,
    LinkedAccountViewSet,
    RegenerateKeyViewSet,
    RegenerateTokenViewSet,
    SelectiveSyncConditionsViewSet,
    WebhookReceiverViewSet,
)
from linking.views import AccountTokenViewSet, LinkTokenViewSet
from passthrough.views import AsyncPassthroughViewSet, PassthroughViewSet
from remote_users.views import RemoteUserViewSet
from sync.views import IssueViewSet, SyncStatusViewSet

router = Router()
router.register("interviews", ScheduledInterviewViewSet)
router.register("async-tasks", AsyncTaskViewSet, basename="async-tasks")
router.register("applications", ApplicationViewSet)
router.register("job-interview-stages", JobInterviewStageViewSet)
router.register("users", RemoteUserViewSet)
router.register("candidates", CandidateViewSet)
router.register("jobs", JobViewSet)
router.register("reject-reasons", RejectReasonViewSet)
router.register("account-details", AccountDetailsViewSet, basename="account-details")
router.register("available-actions", AvailableActionsViewSet, basename="available-actions")
router.register("linked-accounts", LinkedAccountViewSet)
router.register("default-scopes", DefaultScopesViewSet, basename="default-scopes")
router.register("linked-account-scopes", LinkedAccountScopesViewSet, basename="linked-account-scopes")
router.register("passthrough", PassthroughViewSet, basename="passthrough")
router.register("async-passthrough", AsyncPassthroughViewSet, basename="async-passthrough")
router.register("sync-status", SyncStatusViewSet, basename="sync-status")
router.register("field-mappings", FieldMappingViewSet, basename="field-mappings")
router.register("remote-fields", RemoteFieldViewSet, basename="remote-fields")
router.register("target-fields", TargetFieldViewSet, basename="target-fields")
router.register("issues", IssueViewSet)
router.register("account-token/regenerate", RegenerateTokenViewSet, basename="regenerate-token")
router.register("link-token", LinkTokenViewSet, basename="link-token")
router.register("account-token", AccountTokenViewSet, basename="account-token")
router.register("delete-account", DeleteAccountViewSet, basename="delete-account")
router.register("generate-key", GenerateKeyViewSet, basename="generate-key")
router.register("regenerate-key", RegenerateKeyViewSet, basename="regenerate-key")
router.register("audit-trail", AuditTrailViewSet)
router.register("webhook-receivers", WebhookReceiverViewSet, basename="webhook-receivers")
router.register("selective-sync/conditions", SelectiveSyncConditionsViewSet, basename="selective-sync")

# What Merge's SDKs can also ask for.
absent = Router()
ABSENT = "activities attachments departments eeocs job-postings offers offices scorecards tags"
for name in ABSENT.split():
    absent.register(name, AbsentViewSet, basename=name)
