"""The conditions of earning rules that come with loyalty."""

from __future__ import annotations

from loyalty.earning.conditions.members import BirthdayMonth, InSegment, InTier
from loyalty.earning.conditions.orders import Category, Channel, FirstOrder, InStore, MinimumAmount, OfProduct, Property
from loyalty.earning.conditions.times import Between, DayOfMonth, OnMemberDay, Weekday
from loyalty.earning.registry import CONDITIONS


def register_all() -> None:
    CONDITIONS.register("tier", InTier())
    CONDITIONS.register("segment", InSegment())
    CONDITIONS.register("birthday_month", BirthdayMonth())
    CONDITIONS.register("first_order", FirstOrder())
    CONDITIONS.register("minimum_amount", MinimumAmount())
    CONDITIONS.register("category", Category())
    CONDITIONS.register("product", OfProduct())
    CONDITIONS.register("channel", Channel())
    CONDITIONS.register("store", InStore())
    CONDITIONS.register("weekday", Weekday())
    CONDITIONS.register("day_of_month", DayOfMonth())
    CONDITIONS.register("member_day", OnMemberDay())
    CONDITIONS.register("dates", Between())
    CONDITIONS.register("property", Property())
