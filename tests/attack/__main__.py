"""Start a copy of the shop, attack it, check that it still serves, print the table. Exit with 1 if a row is not ok."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.attack import table
from tests.attack.registry import ATTACKS, Attack, Tally
from tests.attack.site import Site
from tests.attack.subjects import SUBJECTS

for subject in SUBJECTS:
    importlib.import_module(f"tests.attack.{subject}")


def still_serves(site: Site, tally: Tally) -> None:
    missing = site.still_serves()
    for what in ("a page", "a redemption", "a task"):
        tally.count(f"{what}: {'no' if what in missing else 'yes'}")
    tally.check(not missing, f"the shop does not serve {', '.join(missing)}")


AFTERWARDS = Attack(
    "afterwards",
    "a page, a redemption with its key, an order whose points a worker books",
    "all are served as before",
    still_serves,
)


def run(attack: Attack, site: Site) -> table.AttackResult:
    tally, began = Tally(), time.monotonic()
    try:
        attack.run(site, tally)
    except Exception as error:
        traceback.print_exc()
        tally.check(False, f"the attack itself broke: {error!r}"[:300])
    return table.AttackResult(attack, tally, time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(ATTACKS), help="this attack; repeatable")
    parser.add_argument("--write", action="store_true", help="put the table into docs/security.md")
    options = parser.parse_args()
    if options.only and options.write:
        parser.error("--write is for the whole run.")
    wanted = [attack for name, attack in ATTACKS.items() if not options.only or name in options.only]
    results: list[table.AttackResult] = []
    with tempfile.TemporaryDirectory(prefix="liuke-attack-", ignore_cleanup_errors=True) as directory:
        site = Site(Path(directory))
        try:
            site.begin()
            for attack in [*wanted, AFTERWARDS]:
                print(f"{attack.name} ...", file=sys.stderr, flush=True)
                results.append(run(attack, site))
                last = results[-1]
                print(f"  {last.seconds:.1f} s {'ok' if last.fine else 'NOT OK'}", file=sys.stderr, flush=True)
                for wrong in last.tally.wrong[:20]:
                    print(f"    {wrong}", file=sys.stderr, flush=True)
        finally:
            site.stop()
    print(table.markdown(results))
    if options.write:
        table.write(results, "make attack" if not sys.argv[2:] else "python -m tests.attack --write")
    sys.exit(0 if all(result.fine for result in results) else 1)


if __name__ == "__main__":
    main()
