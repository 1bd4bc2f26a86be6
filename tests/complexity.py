"""Compare the functions above the limit of complexity with the baseline: `python -m tests.complexity`.

It fails for a function above the limit that the baseline does not list, and for a listed function that is no longer
above it or no longer exists. So the baseline can only shrink.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / "ruff-complexity-baseline.txt"
LIMIT = 15


def above_limit() -> set[str]:
    """Return `path::function` of each function above the limit."""
    run = subprocess.run(
        [
            str(Path(sys.executable).parent / "ruff"), "check", ".", "--select=C901", "--ignore-noqa", "--exit-zero",
            f"--config=lint.mccabe.max-complexity={LIMIT}", "--output-format=json",
        ],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return {
        f"{Path(item['filename']).relative_to(ROOT).as_posix()}::{re.findall('`(.+?)`', item['message'])[0]}"
        for item in json.loads(run.stdout)
        if item["code"] == "C901"
    }


def baseline() -> set[str]:
    """Return the lines of the baseline without comments."""
    lines = BASELINE.read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def main() -> int:
    """Print each difference and return 1 if there is one."""
    above, listed = above_limit(), baseline()
    for name in sorted(above - listed):
        print(f"{name}: complexity above {LIMIT}: split the function")
    for name in sorted(listed - above):
        print(f"{name}: no longer above {LIMIT}: remove it from {BASELINE.name}")
    return int(above != listed)


if __name__ == "__main__":
    sys.exit(main())
