from django.apps import AppConfig


class InterloopConfig(AppConfig):
    name = "config"
    verbose_name = "Interloop"
