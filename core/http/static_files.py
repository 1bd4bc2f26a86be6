"""Static files in production: collected under names with their digest, so that browsers may cache them permanently."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.management import call_command

from core.embedded.places import ConfigurationError

STAMP = ".sources"


def needs_manifest() -> bool:
    """Return whether pages find static files by a manifest. If it is missing, every page fails."""
    return isinstance(staticfiles_storage, ManifestFilesMixin)


def manifest_problem() -> str:
    """Return one sentence when the manifest is needed and missing, else ""."""
    if not needs_manifest() or manifest_path().exists():
        return ""
    return f"{manifest_path()} is missing: run `make static`, which collects the static files."


def collect_when_changed() -> bool:
    """Collect the static files unless the sources are unchanged. Return whether they were collected.

    Raises ConfigurationError when STATIC_ROOT can't be written and holds no manifest.
    """
    if not needs_manifest():
        return False
    stamp, sources = Path(settings.STATIC_ROOT) / STAMP, _sources()
    try:
        if manifest_path().exists() and stamp.exists() and stamp.read_text() == sources:
            return False
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp.write_text(sources)
    except OSError as error:
        # The files came with an image or a package, and belong to root.
        if problem := manifest_problem():
            raise ConfigurationError(f"{problem} ({error.strerror})") from None
        return False
    return True


def manifest_path() -> Path:
    """Return the path of the manifest of collected files."""
    return Path(settings.STATIC_ROOT) / "staticfiles.json"


def _sources() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in sorted(finder.list([]), key=lambda item: item[0]):
            about = Path(storage.path(path)).stat()
            digest.update(f"{path}:{about.st_size}:{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()
