"""Files of reviewed figures: a test compares with them, and `UPDATE_BASELINES=1` writes them again."""

from __future__ import annotations

import os
from pathlib import Path


def updating() -> bool:
    return os.environ.get("UPDATE_BASELINES") == "1"


def how_to_update(path: Path, test: str) -> str:
    return (
        f"If this is intended: UPDATE_BASELINES=1 .venv/bin/python -m pytest {test}, "
        f"then review the diff of {path.name}."
    )
