"""Bounded attacks on a running copy of the shop: `make attack`, or `python -m tests.attack [--only NAME] [--write]`.

An attack is one function with the `attack` decorator, in the module of its subject. It sends its requests to the copy's
own address on this machine, counts the answers, and checks what must not have happened.
"""

import sys
from pathlib import Path

# The shop of tests.e2e uses the client package, which pytest finds by its configuration.
sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "clients" / "python" / "src"))
