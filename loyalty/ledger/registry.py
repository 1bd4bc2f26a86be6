"""Registries of the points ledger for other subjects."""

from __future__ import annotations

from collections.abc import Callable

from core.base.registry import Registry

# By the first part of an entry's reference (`reward:tea` -> reward): a function that returns {code: name in the
# language
# of the viewer}.
REFERENCE_NAMES: Registry[Callable[[], dict[str, str]]] = Registry("names of entry references")
