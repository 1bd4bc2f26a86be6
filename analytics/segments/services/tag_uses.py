"""Segments whose rule names a tag: found before a tag is deleted, changed when two tags are merged."""

from __future__ import annotations

import copy
from typing import Any

from analytics.conditions.rules.trees import Node, leaves
from analytics.segments.models import Segment
from analytics.segments.services.segments import update_segment
from core.base.actor import Actor
from crm.customers.models import Tag

CONDITION = "tags"


def segments_with(tag: Tag) -> list[str]:
    """Return the names of the segments, archived ones included, whose rule names the tag."""
    return [segment.name for segment in _using(tag)]


def follow_tag(old: Tag, new: Tag, actor: Actor) -> None:
    """Name another tag in the rules; each changed rule is a new version."""
    for segment in _using(old):
        rule: Node = copy.deepcopy(segment.rule)
        for leaf in _tag_leaves(rule):
            codes = {str(new.pk) if code == str(old.pk) else code for code in leaf["values"]}
            leaf["values"] = sorted(codes)
        update_segment(segment=segment, rule=rule, actor=actor)


def _using(tag: Tag) -> list[Segment]:
    segments = Segment.objects.exclude(rule={}).order_by("pk")
    return [one for one in segments if any(str(tag.pk) in leaf["values"] for leaf in _tag_leaves(one.rule))]


def _tag_leaves(rule: Node) -> list[Any]:
    return [leaf for _path, leaf in leaves(rule) if leaf["condition"] == CONDITION and "values" in leaf]
