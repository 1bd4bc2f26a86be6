"""Files into the shop: orders, customers, products, activity and consents."""

from crm.services.imports.running import (
    OPTIONS,
    Busy,
    Preview,
    PreviewRow,
    configure_import,
    create_import,
    drop_stale_uploads,
    drop_upload,
    dry_run,
    is_stale,
    keep_upload,
    preview_import,
    queue_import,
    restart_lost_imports,
    run_import,
)

__all__ = [
    "OPTIONS",
    "Busy",
    "Preview",
    "PreviewRow",
    "configure_import",
    "create_import",
    "drop_stale_uploads",
    "drop_upload",
    "dry_run",
    "is_stale",
    "keep_upload",
    "preview_import",
    "queue_import",
    "restart_lost_imports",
    "run_import",
]
