"""The layout of the code: docs/architecture.md describes it, docs/adr/0018-subjects-and-their-order.md decides it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("crm", "loyalty", "analytics", "campaigns")
TOP = {"__init__", "apps", "models", "admin", "urls", "extensions"}
TOP_FOLDERS = {"migrations", "management"}
# File names of a subject; those of LAYERS may be packages.
LAYERS = {
    "models", "rules", "services", "selectors", "labels", "events", "handlers", "tasks", "api", "console", "admin",
    "forms", "public", "registry", "extensions",
}  # fmt: skip
MORE_NAMES = {
    "webhooks": "translates the subject's domain events to what receivers of webhooks get; imports selectors",
    "subscriptions": "tells the triggers which facts the subject's active rules need; imports selectors",
    "kinds": "instances of a registry with several small classes, such as condition kinds and reward kinds",
    "conditions": "instances of the registries of conditions for segments and earning rules",
    "benefits": "instances of the registry of tier benefits",
    "steps": "instances of the registry of journey steps",
    "providers": "instances of the registry of providers of channels",
}
MOST_MODULES = 12
MOST_LINES = 4_000
# Packages with more modules than that.
MORE_MODULES = {
    "campaigns.designs.kinds": "one module for each block of the editor of e-mails",
    "core.api": "one module for each part of the API's plumbing: keys, throttling, paging, errors, schema, rendering",
    "core.console": "the shared parts of all pages; each is one small module, and a page uses most of them",
    "core.db": "one module for each tool of the database: locks, keys, paging, SQL files, statements, shards",
    "core.security": "keys, roles, attempts, encryption and the second factor protect one thing "
    "and are reviewed together",
}
# Subjects with more lines than that.
MORE_LINES = {
    "analytics.segments": "the builder, the sentence and the search text of a rule are three forms of one tree",
    "campaigns.journeys": "engine, editor and trial share one definition of steps; the steps themselves are a package",
    "campaigns.reports": "results, home page, comparison and calendar show all kinds of campaigns",
    "loyalty.earning": "awards, quotes, previews and dry runs evaluate one rule in the same way",
    "loyalty.ledger": "its database functions are the only writers of points and are reviewed as one text",
}


def subjects() -> dict[str, Path]:
    return {
        f"{app}.{folder.name}": folder
        for app in APPS
        for folder in sorted((ROOT / app).iterdir())
        if (folder / "__init__.py").exists() and folder.name not in TOP_FOLDERS
    }


def sources(folder: Path, *suffixes: str) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix in suffixes]


def test_an_app_holds_only_subjects_and_what_django_reads():
    found = {str(path.relative_to(ROOT)) for app in APPS for path in (ROOT / app).glob("*.py") if path.stem not in TOP}
    assert found == set(), "these modules belong into a subject"
    stray = {
        str(folder.relative_to(ROOT))
        for app in APPS
        for folder in (ROOT / app).iterdir()
        if folder.is_dir() and folder.name != "__pycache__" and not (folder / "__init__.py").exists()
    }
    assert stray == set(), "these folders are no packages"
    assert len(subjects()) >= 33


def test_every_subject_uses_the_names_of_the_layers():
    wrong = []
    for name, folder in subjects().items():
        for path in folder.iterdir():
            if path.name in {"__pycache__", "__init__.py"} or path.stem in LAYERS | set(MORE_NAMES):
                continue
            if path.name == "sql" and {one.suffix for one in path.rglob("*") if one.is_file()} == {".sql"}:
                continue
            wrong.append(f"{name}: {path.name}")
    assert wrong == [], "use the names of the layers, or give the new name a reason in MORE_NAMES"


def test_every_further_name_is_used():
    used = {path.stem for folder in subjects().values() for path in folder.iterdir()}
    assert set(MORE_NAMES) - used == set(), "remove these names from MORE_NAMES"


def test_sql_lives_in_the_sql_folder_of_its_owner():
    stray = [
        str(path.relative_to(ROOT))
        for app in ("core", *APPS)
        for path in sources(ROOT / app, ".sql")
        if path.parent.name != "sql" and path.parts[-3:-1] != ("sql", "statements")
    ]
    assert stray == []


def test_no_package_has_too_many_modules():
    large = set()
    for app in ("core", *APPS):
        for init in (ROOT / app).rglob("__init__.py"):
            folder = init.parent
            if len(list(folder.glob("*.py"))) - 1 > MOST_MODULES:
                large.add(".".join(folder.relative_to(ROOT).parts))
    assert large - set(MORE_MODULES) == set(), f"more than {MOST_MODULES} modules: split it, or give a reason here"
    assert set(MORE_MODULES) - large == set(), "small enough now: remove them from MORE_MODULES"


def test_no_subject_has_too_many_lines():
    large = {}
    for name, folder in subjects().items():
        lines = sum(len(path.read_text().splitlines()) for path in sources(folder, ".py", ".sql"))
        if lines > MOST_LINES:
            large[name] = lines
    assert large.keys() - MORE_LINES.keys() == set(), f"more than {MOST_LINES} lines: {large}"
    assert MORE_LINES.keys() - large.keys() == set(), "small enough now: remove them from MORE_LINES"
