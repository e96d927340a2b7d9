from api.viewsets import UnifiedViewSet
from remote_users.filters import RemoteUserFilterSet
from remote_users.models import RemoteUser
from remote_users.serializers import RemoteUserSerializer


class RemoteUserViewSet(UnifiedViewSet):
    """People with an account at the platform: recruiters, interviewers, administrators."""

    queryset = RemoteUser.objects.all()
    serializer_class = RemoteUserSerializer
    filterset_class = RemoteUserFilterSet
