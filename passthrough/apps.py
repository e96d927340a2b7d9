from django.apps import AppConfig


class PassthroughConfig(AppConfig):
    name = "passthrough"
    verbose_name = "Passthrough"

    def ready(self) -> None:
        from passthrough import receivers  # noqa: F401  connects them
