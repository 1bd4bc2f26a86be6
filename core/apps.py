# ruff: noqa: PLC0415 - see ready()
from django.apps import AppConfig, apps
from django.conf import settings
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = _("Settings")

    def ready(self) -> None:
        # Django loads the models after it has imported this module.
        from core.api.numbers import refuse_other_digits
        from core.base import registry
        from core.db import sqlfiles
        from core.processes import logs
        from core.security import (
            roles,
            second_step,  # noqa: F401
        )

        logs.configure()
        refuse_other_digits()
        registry.load(settings.OUR_APPS)
        # Once per run, not once per app: the signal of this app is sent after the migrations of all apps.
        pre_migrate.connect(sqlfiles.load_before_tables, sender=self, dispatch_uid="core.db.sqlfiles.before")
        post_migrate.connect(sqlfiles.load_changed, sender=self, dispatch_uid="core.sqlfiles")
        # Permissions exist only after migrate has created them, and its signal is the only moment that always comes.
        # The permissions of all apps exist when the signal of the last app is sent.
        last = apps.get_app_config(settings.OUR_APPS[-1])
        post_migrate.connect(roles.synchronise_groups, sender=last, dispatch_uid="core.roles")
