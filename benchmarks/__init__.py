"""Measurements at sizes that matter. Each module with a `main` is a command: `python -m benchmarks.<name> --help`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()  # here, so that every module may import models
