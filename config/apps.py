from django.apps import AppConfig

from config.celery import app


class ConfigConfig(AppConfig):
    """The app of the commands that need all other apps (up, demo)."""

    name = "config"
    label = "liuke_config"

    def ready(self) -> None:
        # Web processes and commands send tasks too, so set the application wherever Django runs.
        app.set_default()
