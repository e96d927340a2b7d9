from django.apps import AppConfig


class FieldMappingsConfig(AppConfig):
    name = "field_mappings"
    verbose_name = "Field mappings"
