from django.apps import AppConfig


class RemoteUsersConfig(AppConfig):
    name = "remote_users"
    verbose_name = "Remote users"
