"""Every icon of templates and registries is in the sprite."""

import re

from django.conf import settings

from core.console import navigation
from core.events.bus import TYPES


def test_icons_exist():
    sprite = (settings.BASE_DIR / "static" / "vendor" / "tabler" / "icons.svg").read_text()
    known = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    used = {entry.icon for entry in navigation.ENTRIES} | {declared.icon for declared in TYPES}
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        text = path.read_text()
        used |= set(re.findall(r'{%-? icon "([\w-]+)"', text)) | set(re.findall(r'icon="([\w-]+)"', text))
    for app in settings.OUR_APPS:
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            used |= set(re.findall(r'icon="([\w-]+)"', path.read_text()))
    assert used - known == set()
