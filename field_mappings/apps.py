from django.apps import AppConfig


class FieldMappingsConfig(AppConfig):
    name = "field_mappings"
    verbose_name = "Field mappings"

    def ready(self) -> None:
        from field_mappings import receivers  # noqa: F401  connects them
