from django.apps import AppConfig


class LinkingConfig(AppConfig):
    name = "linking"
    verbose_name = "Linking"

    def ready(self) -> None:
        from linking import receivers  # noqa: F401  connects them
