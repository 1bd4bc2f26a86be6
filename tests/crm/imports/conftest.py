from __future__ import annotations

from pathlib import Path

import pytest

from core.base.actor import SYSTEM
from crm.imports.models import ImportRun
from crm.imports.services import running as imports


@pytest.fixture
def bring(store, tmp_path: Path):
    """Provide bring("orders", text), which returns the finished run. Options and mapping are as in create_import."""
    made = 0

    def run(kind: str, content: str | bytes, *, source: str = "shop", mapping=None, **options) -> ImportRun:
        nonlocal made
        made += 1
        path = tmp_path / f"{made}.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        created = imports.create_import(
            kind=kind, source=source, path=str(path), actor=SYSTEM, options=options, mapping=mapping
        )
        return imports.run_import(run=created)

    return run


@pytest.fixture
def refusals():
    """Provide refusals(run), which returns [(row, field, code)] in the order of the file."""

    def read(run: ImportRun) -> list[tuple[int, str, str]]:
        return list(run.refusals.order_by("row_number").values_list("row_number", "field", "code"))

    return read


@pytest.fixture
def counts():
    """Provide counts(run), which returns (read, accepted, unchanged, refused)."""
    return lambda run: (run.read_count, run.accepted_count, run.unchanged_count, run.refused_count)
