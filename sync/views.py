from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api.tenants import access
from api.viewsets import RateLimitHeaders
from sync.models import ModelSync, Schedule
from sync.serializers import SyncStatusSerializer
from sync.state import model_syncs


class SyncStatusViewSet(RateLimitHeaders, GenericViewSet[ModelSync]):
    """Where the synchronisation of the linked account stands, model by model, in order of `model_id`."""

    queryset = ModelSync.objects.none()
    serializer_class = SyncStatusSerializer
    filter_backends = []

    def list(self, request: Request) -> Response:
        account = access(request).verify()
        # There are as many as there are models, so that one page always holds them all.
        schedule = Schedule.objects.filter(linked_account=account, are_syncs_disabled=False).first()
        context = {**self.get_serializer_context(), "next_sync_at": schedule and schedule.next_sync_at}
        results = self.serializer_class(model_syncs(account), many=True, context=context).data
        return Response({"next": None, "previous": None, "results": results})
