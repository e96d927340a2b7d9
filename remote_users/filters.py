from api.filters import TextFilter, UnifiedFilterSet
from remote_users.models import RemoteUser


class RemoteUserFilterSet(UnifiedFilterSet):
    email = TextFilter("email", "iexact", help_text="The whole address, in upper or lower case.")

    class Meta:
        model = RemoteUser
        fields: list[str] = []
