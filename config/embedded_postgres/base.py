from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base

from config.embedded_postgres import server


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL whose server is started when the first connection is made."""

    def get_connection_params(self) -> dict[str, Any]:
        self.settings_dict["HOST"] = server.use(settings.DATA_DIR, settings.DATABASES["default"]["NAME"])
        return super().get_connection_params()
