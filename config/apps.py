from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Here for its commands (up, demo), which need every other app."""

    name = "config"
    label = "liuke_config"

    def ready(self) -> None:
        # Tasks are sent from web processes and commands too, so the application is set wherever Django is.
        from config.celery import app

        app.set_default()
