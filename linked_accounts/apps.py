from django.apps import AppConfig


class LinkedAccountsConfig(AppConfig):
    name = "linked_accounts"
    verbose_name = "Linked accounts"

    def ready(self) -> None:
        from linked_accounts import receivers, schema  # noqa: F401  connects and registers what they hold
