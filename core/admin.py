from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from core.console.admin import ConfigurationAdmin, RawTableAdmin, ReadOnlyAdmin, SuperuserOnly, is_superuser
from core.console.admin_index import grouped_apps
from core.security.models import User
from core.security.roles import LABELS, Role

PACKAGES = ("account", "axes", "contenttypes", "django_celery_beat", "mfa", "sessions")
admin.site.unregister([Group, Authenticator, EmailAddress])
admin.site.site_header = "Liuke"
admin.site.site_title = "Liuke"


def to_index(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    return redirect(get_next_redirect_url(request) or "admin:index")


def to_password_change(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    return redirect("account_change_password")


# The admin's own forms check neither the second factor nor the limit on failures. For a signed-in user,
# secure_admin_login shows the view that it wraps, so that view must not be a form that accepts any user's password.
admin.site.login = login_not_required(secure_admin_login(to_index))  # type: ignore[method-assign]
admin.site.password_change = to_password_change  # type: ignore[assignment, method-assign]


@admin.register(User)
class StaffAdmin(DjangoUserAdmin, ConfigurationAdmin):
    index_name = _("Staff")
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    # Five roles need no search within them.
    filter_horizontal = ()
    list_display = ("username", "first_name", "last_name", "email", "role_names", "is_active", "last_login")
    list_filter = ("is_active", "groups")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "language", "time_zone")}),
        (_("Role"), {"fields": ("groups", "is_active", "is_staff")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("Role"))
    def role_names(self, user: User) -> str:
        return ", ".join(str(LABELS.get(Role(g.name), g.name)) for g in user.groups.all() if g.name in set(Role)) or "–"


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, ConfigurationAdmin):
    """Read-only page of the roles. The product declares the permissions of a role."""

    index_name = _("Roles")
    list_display = ("label",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("Role"), ordering="name")
    def label(self, group: Group) -> str:
        return str(LABELS[Role(group.name)]) if group.name in set(Role) else group.name


@admin.register(Authenticator)
class SecondFactorAdmin(SuperuserOnly, ReadOnlyAdmin):
    """Read-only list of second factors.

    A superuser removes the factor of a user who lost the phone; its key is never shown.
    """

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)


def to_groups(request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
    return AdminSite.get_app_list(admin.site, request, app_label) if app_label else grouped_apps(request)


admin.site.get_app_list = to_groups  # type: ignore[method-assign]
admin.site.register([ContentType, EmailAddress], RawTableAdmin)

# The tables of packages hold schedules and sign-ins: superusers only, even if someone was given their permissions.
for _model, _admin in list(admin.site._registry.items()):
    if _model._meta.app_label in PACKAGES and not isinstance(_admin, SuperuserOnly):
        admin.site.unregister(_model)
        admin.site.register(_model, type(type(_admin).__name__, (SuperuserOnly, type(_admin)), {}))
