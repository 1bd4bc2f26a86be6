"""Logins of the demo shop, its server key, and the welcome on the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from django.contrib.auth.models import Group
from django.db import transaction

from config import env
from core.embedded import places
from core.security.api_keys import create_api_key
from core.security.models import ApiKey, User
from core.security.roles import LABELS, Role, synchronise_groups
from core.security.scopes import SCOPES

LOGINS = {
    Role.AGENT: "agent",
    Role.LEAD: "lead",
    Role.MARKETER: "marketer",
    Role.ANALYST: "analyst",
    Role.ADMINISTRATOR: "admin",
}
# Two more agents share the tickets; like all of the staff they have an address for notices.
COLLEAGUES = {"agent2": Role.AGENT, "agent3": Role.AGENT}
NAMES = {
    "zh": {"agent": ("小禾", "陈"), "agent2": ("若水", "林"), "agent3": ("思齐", "周"), "lead": ("明远", "许"),
           "marketer": ("清扬", "沈"), "analyst": ("知微", "顾"), "admin": ("子墨", "方")},
    "en": {"agent": ("Nora", "Reed"), "agent2": ("Tom", "Hale"), "agent3": ("Ivy", "Cole"), "lead": ("Grace", "Marsh"),
           "marketer": ("Owen", "Blake"), "analyst": ("Ruth", "Lane"), "admin": ("Max", "Stone")},
}  # fmt: skip


def demo_password() -> str:
    """Return the common password of all demo logins, generated once for this machine."""
    return "liuke-" + env.generated_secret("DEMO_PASSWORD", 6)


def demo_key_file() -> Path:
    return places.locations().directory / "demo-key"


def ensure_logins(language: str = "zh-hans") -> dict[str, str]:
    """Create one login per role, and two more agents. Return {username: role} of the first.

    Existing accounts and their passwords stay unchanged.
    """
    synchronise_groups()
    password = demo_password()
    people = {**{name: role for role, name in LOGINS.items()}, **COLLEAGUES}
    for name, role in people.items():
        given, family = NAMES["zh" if language.startswith("zh") else "en"][name]
        user, created = User.objects.get_or_create(
            username=name,
            defaults={
                "first_name": given,
                "last_name": family,
                "email": f"{name}@shop.example",
                "is_staff": role in {Role.ADMINISTRATOR, Role.MARKETER},
                "is_superuser": role is Role.ADMINISTRATOR,
            },
        )
        if created:
            user.set_password(password)
            user.save()
            user.groups.add(Group.objects.get(name=role.value))
    return {name: role.value for role, name in LOGINS.items()}


def ensure_key() -> str:
    """Return the secret of a server key with all scopes for the README's examples. It is stored in var/demo-key."""
    path = demo_key_file()
    if path.exists() and ApiKey.objects.active().filter(name="Demo storefront").exists():
        return path.read_text().strip()
    with transaction.atomic():
        ApiKey.objects.filter(name="Demo storefront").delete()
        _key, secret = create_api_key(name="Demo storefront", scopes=SCOPES.names())
        path.touch(mode=0o600)
        path.write_text(secret + "\n")
    return secret


def print_welcome(url: str) -> None:
    """Print the address, the logins and the key file."""
    out = sys.stdout
    out.write(f"\n  Liuke runs at {url}\n\n")
    names = set(User.objects.filter(username__in=LOGINS.values()).values_list("username", flat=True))
    if names:
        out.write(f"  Logins (password {demo_password()}):\n")
        for role, name in LOGINS.items():
            if name in names:
                out.write(f"    {name:<10} {LABELS[role]}\n")
    if demo_key_file().exists():
        out.write(f"\n  API docs {url}/api/docs/, server key in {demo_key_file()}\n")
    out.write("  Ctrl-C stops everything.\n\n")
    out.flush()
