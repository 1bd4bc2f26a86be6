"""Panel of the administrator's home page: accounts and keys that need a look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.db.models import Exists, OuterRef, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.console import home
from core.console.views import link
from core.security.api_keys import QUIET_DAYS, unused
from core.security.models import ApiKey, User
from core.text.formatting import ago, number

FAILED_DAYS = 7
NAMED = 5
MOST_IN_ADDRESS = 200


@dataclass(frozen=True)
class SecurityLine:
    """One finding: what it is, how many, the names behind it, and where to act."""

    label: str
    count: str
    detail: str
    url: str
    tone: str


def without_second_factor() -> list[User]:
    """Return the active staff who have not set up a second factor."""
    own = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
    return list(User.objects.filter(~Exists(own), is_active=True).order_by("username"))


def long_away(days: int = QUIET_DAYS) -> list[User]:
    """Return the active staff who have not signed in for so long; new accounts count from their creation."""
    since = clock.now() - timedelta(days=days)
    rows = User.objects.filter(is_active=True).annotate(seen_at=Coalesce("last_login", "date_joined"))
    return list(rows.filter(seen_at__lt=since).order_by("seen_at", "username"))


def unused_keys(days: int = QUIET_DAYS) -> list[ApiKey]:
    """Return the active API keys that no system has used for so long."""
    return list(unused(ApiKey.objects.all(), days).order_by("created_at"))


def failed_logins(days: int = FAILED_DAYS) -> int:
    """Count the failed sign-ins that no later success has cleared."""
    rows = AccessAttempt.objects.filter(attempt_time__gte=clock.now() - timedelta(days=days))
    # The counts over all addresses repeat those of the single ones.
    rows = rows.exclude(ip_address="::")
    return int(rows.aggregate(total=Sum("failures_since_start", default=0))["total"])


@home.panel(
    "security",
    home="administrator",
    title=_("Security"),
    permission="core.manage_apikeys",
    template="core/security/home_security.html",
    order=30,
    wide=True,
)
def security(_request: HttpRequest) -> dict[str, Any]:
    missing, away, keys, failed = without_second_factor(), long_away(), unused_keys(), failed_logins()
    return {
        "lines": [
            SecurityLine(
                _t("Staff without a second factor"),
                number(len(missing)),
                _names([str(user) for user in missing]),
                _accounts(missing),
                "warn" if missing else "good",
            ),
            SecurityLine(
                _t("Staff who have not signed in for %(days)s days") % {"days": QUIET_DAYS},
                number(len(away)),
                _names([str(user) for user in away]),
                _accounts(away),
                "warn" if away else "good",
            ),
            SecurityLine(
                _t("API keys not used for %(days)s days") % {"days": QUIET_DAYS},
                number(len(keys)),
                _names([_key_words(key) for key in keys]),
                f"{reverse('keys')}?unused=yes",
                "warn" if keys else "good",
            ),
            SecurityLine(
                _t("Failed sign-ins in %(days)s days") % {"days": FAILED_DAYS},
                number(failed),
                _t("without a later success") if failed else "",
                "",
                "warn" if failed else "good",
            ),
        ]
    }


def _accounts(users: list[User]) -> str:
    """Return the address of these accounts in the list of the staff, or of all when there are none."""
    address = link("admin:core_user_changelist")
    chosen = ",".join(str(user.pk) for user in users[:MOST_IN_ADDRESS])
    return f"{address}?id__in={chosen}" if chosen and address else address


def _names(names: list[str]) -> str:
    shown = _t(", ").join(names[:NAMED])
    return (
        _t("%(names)s and %(count)s more") % {"names": shown, "count": number(len(names) - NAMED)}
        if len(names) > NAMED
        else shown
    )


def _key_words(key: ApiKey) -> str:
    if key.last_used_at is None:
        return _t("%(name)s (never used)") % {"name": key.name}
    return _t("%(name)s (last used %(time)s)") % {"name": key.name, "time": ago(key.last_used_at)}
