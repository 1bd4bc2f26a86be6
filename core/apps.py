from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, pre_migrate


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        from core import logs, registry, roles, second_step, sqlfiles  # noqa: F401
        from core.api.numbers import refuse_other_digits

        logs.configure()
        refuse_other_digits()
        registry.load(settings.OUR_APPS)
        # Once per run, not once per app: the signal of this app is sent after the migrations of all apps.
        pre_migrate.connect(sqlfiles.load_before_tables, sender=self, dispatch_uid="core.sqlfiles.before")
        post_migrate.connect(sqlfiles.load_changed, sender=self, dispatch_uid="core.sqlfiles")
        # Permissions exist only after migrate has created them, and its signal is the only moment that always comes.
        post_migrate.connect(roles.synchronise_groups, dispatch_uid="core.roles")
