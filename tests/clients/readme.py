"""Runner for the Python blocks of the client's README, unchanged."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path
from unittest import mock

README = Path(__file__).resolve().parents[2] / "clients" / "python" / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_readme(url: str, key: str) -> list[str]:
    """Run every Python block in order in one namespace. Return the printed lines."""
    blocks = BLOCK.findall(README.read_text(encoding="utf-8"))
    assert len(blocks) == 3
    said, namespace = io.StringIO(), {"__name__": "readme"}
    with mock.patch.dict(os.environ, {"LIUKE_URL": url, "LIUKE_KEY": key}), contextlib.redirect_stdout(said):
        for position, block in enumerate(blocks):
            exec(compile(block, f"README.md, block {position + 1}", "exec"), namespace)
    return said.getvalue().splitlines()
