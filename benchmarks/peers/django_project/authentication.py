from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from django_project.models import ApiKey, LinkedAccount, find_caller


class AccountTokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[ApiKey, LinkedAccount]:
        secret = get_authorization_header(request).decode().partition(" ")[2]
        try:
            return find_caller(secret, request.headers.get("X-Account-Token", ""))
        except (ApiKey.DoesNotExist, LinkedAccount.DoesNotExist) as error:
            raise AuthenticationFailed from error
