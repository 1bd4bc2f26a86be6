"""Registrations of imports."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import crm.imports.console.audit
import crm.imports.console.listing
import crm.imports.console.shell
import crm.imports.events  # noqa: F401
from core.jobs.labels import name_work
from core.jobs.services import WORK
from core.security.encrypted_columns import ENCRYPTED, EncryptedColumn
from core.security.roles import Role, grant
from crm.imports.services import following

name_work({
    "crm.import": _("Import a file"),
    "crm.after_import": _("Bring figures up to date after an import"),
    "crm.tag_customers": _("Tag customers"),
})  # fmt: skip
WORK.register(following.KIND, following.follow)
grant("crm.view_importrun", "crm.add_importrun", to=[Role.MARKETER])
grant("crm.view_importrun", to=[Role.LEAD, Role.ANALYST])
ENCRYPTED.register(
    "crm.importrefusal", EncryptedColumn("crm_importrefusal", "raw", "crm.importrefusal.raw", base64=True)
)
