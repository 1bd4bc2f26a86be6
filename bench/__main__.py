"""Run the benchmarks, each with its floor: `python -m bench [name ...]`; all of them without a name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from bench.common import start_servers


def main() -> None:
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    names = sys.argv[1:] or known
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"Unknown benchmark: {', '.join(sorted(unknown))}. Choose from {', '.join(known)}.")
    start_servers()
    for name in names:
        importlib.import_module(f"bench.bench_{name}").run()


if __name__ == "__main__":
    main()
