"""Bounded attacks on a running copy of the shop: `make attack`, or `python -m tests.attack [--only NAME] [--write]`.

An attack is one function with the `attack` decorator, in the module of its subject. It sends what it has to the
copy's own address on this machine, counts what came back, and says what must not have happened.
"""

import sys
from pathlib import Path

# The shop of tests.e2e speaks through the client, which pytest finds by its configuration.
sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "clients" / "python" / "src"))
