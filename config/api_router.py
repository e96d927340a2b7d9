"""Every endpoint of the API, a line each. Paths are served with and without a slash at their end."""

from api.routers import Router
from applications.views import (
    ApplicationViewSet,
    CandidateViewSet,
    JobInterviewStageViewSet,
    JobViewSet,
    RejectReasonViewSet,
)
from interviews.views import AsyncTaskViewSet, ScheduledInterviewViewSet
from linked_accounts.views import (
    AccountDetailsViewSet,
    AvailableActionsViewSet,
    DefaultScopesViewSet,
    LinkedAccountScopesViewSet,
    LinkedAccountViewSet,
)
from passthrough.views import AsyncPassthroughViewSet, PassthroughViewSet
from remote_users.views import RemoteUserViewSet
from sync.views import SyncStatusViewSet

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
