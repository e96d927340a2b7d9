from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api.tenants import access
from api.viewsets import RateLimitHeaders
from sync.models import ModelSync
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
        results = self.get_serializer(model_syncs(account), many=True).data
        return Response({"next": None, "previous": None, "results": results})
