from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from core.admin_base import ConfigurationAdmin
from core.models import User

admin.site.unregister(Group)
admin.site.site_header = "Liuke"
admin.site.site_title = "Liuke"


@admin.register(User)
class StaffAdmin(DjangoUserAdmin, ConfigurationAdmin):
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

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("Role"))
    def role_names(self, user: User) -> str:
        from core.roles import LABELS, Role

        return ", ".join(str(LABELS.get(Role(g.name), g.name)) for g in user.groups.all() if g.name in set(Role)) or "–"


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, ConfigurationAdmin):
    """What a role may do is declared by the product; this page shows it."""

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False
