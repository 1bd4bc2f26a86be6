"""Tasks and badges of a member, and the leaderboard."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import ApiView
from core.base.errors import NotFound
from crm.customers.api.authentication import MemberToken
from loyalty.growth.api import member_shapes as members
from loyalty.growth.api import serializers as shapes
from loyalty.growth.models import Measure, Task
from loyalty.growth.selectors import leaderboard
from loyalty.growth.selectors import tasks as task_catalogue
from loyalty.growth.selectors.tasks import TaskStanding
from loyalty.growth.services.leaderboard import set_leaderboard_name
from loyalty.growth.services.tasks import join_task, leave_task
from loyalty.ledger.api.lookup import member_in
from loyalty.program import selectors
from loyalty.program.models import Member


def task_body(standing: TaskStanding) -> dict[str, Any]:
    task, following = standing.task, standing.next
    return {
        "code": task.code,
        "name": task.label,
        "description": task.description_label,
        "icon": task.icon,
        "season": task.season,
        "measure": task.measure,
        "currency": task.program.currency if task.measure == Measure.AMOUNT else None,
        "period": task.period,
        "starts_at": task.starts_at,
        "ends_at": task.ends_at,
        "until": standing.until,
        "join": task.join,
        "joined": standing.joined,
        "count": standing.count,
        "level": standing.level,
        "completed": standing.completed,
        "next": following and {"level": following.level, "goal": following.goal, "left": standing.left},
        "levels": [
            {
                "level": level.level,
                "goal": level.goal,
                "points": level.points,
                "growth": level.growth,
                "badge": level.badge and {"code": level.badge.code, "name": level.badge.label},
                "reached": level.level <= standing.level,
            }
            for level in standing.levels
        ],
    }


class TasksView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.Task}

    @extend_schema(operation_id="tasks_of_member", responses=shapes.TaskOut(many=True))
    def get(self, request: Request, number: str) -> Response:
        """List the tasks that run now, the member's progress, and what the next level needs."""
        standings = task_catalogue.standings(member_in(request, number))
        return Response(self.shape(request, shapes.TaskOut)([task_body(one) for one in standings], many=True).data)


class _TaskCommand(ApiView):
    scopes = {"post": "members:write"}
    without_body = ("post",)
    member_actions = ("post",)
    member_shapes = {"post": members.Task}

    @staticmethod
    def task_of(request: Request, number: str, code: str) -> tuple[Member, Task]:
        member = member_in(request, number)
        task = Task.objects.filter(program=member.program, code=code, active=True).first()
        if task is None:
            raise NotFound(_("This task is not running."), code="unknown_task")
        return member, task

    def answer(self, request: Request, member: Member, task: Task) -> Response:
        body = task_body(task_catalogue.standing_of(member, task.code))
        return Response(self.shape(request, shapes.TaskOut)(body).data)


class JoinTaskView(_TaskCommand):
    @extend_schema(operation_id="task_join", request=None, responses=shapes.TaskOut)
    def post(self, request: Request, number: str, task: str) -> Response:
        """Join a task; progress counts from now on.

        Idempotent. 422 `task_needs_no_joining`, `task_not_running` or `member_not_active`.
        """
        member, joining = self.task_of(request, number, task)
        join_task(member=member, task=joining, actor=self.actor_of(request))
        return self.answer(request, member, joining)


class LeaveTaskView(_TaskCommand):
    @extend_schema(operation_id="task_leave", request=None, responses=shapes.TaskOut)
    def post(self, request: Request, number: str, task: str) -> Response:
        """Leave a task. Progress and points that were given stay."""
        member, leaving = self.task_of(request, number, task)
        leave_task(member=member, task=leaving, actor=self.actor_of(request))
        return self.answer(request, member, leaving)


class BadgesView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.Badge}

    @extend_schema(operation_id="badges_of_member", responses=shapes.BadgeOut(many=True))
    def get(self, request: Request, number: str) -> Response:
        """List the member's badges, newest first, then the badges that can still be earned."""
        rows = [
            {
                "code": one.badge.code,
                "name": one.badge.label,
                "description": one.badge.description_label,
                "icon": one.badge.icon,
                "awarded_at": one.awarded_at,
            }
            for one in task_catalogue.badges(member_in(request, number))
        ]
        return Response(self.shape(request, shapes.BadgeOut)(rows, many=True).data)


class LeaderboardView(ApiView):
    scopes = {"get": "members:read"}
    parameters = {"get": tuple(shapes.LeaderboardIn().fields)}
    member_actions = ("get",)
    member_shapes = {"get": members.Leaderboard}

    @extend_schema(operation_id="leaderboard", parameters=[shapes.LeaderboardIn], responses=shapes.LeaderboardOut)
    def get(self, request: Request) -> Response:
        """Return the top earners among the members who chose a name for it. A member's token gets its own place, a key
        the place of `member`.

        404 `no_season` when there is no such season.
        """
        checked = shapes.LeaderboardIn(data=request.query_params)
        checked.is_valid(raise_exception=True)
        query = checked.validated_data
        member = None
        if query["member"]:
            member = member_in(request, query["member"])
        elif isinstance(request.auth, MemberToken):
            member = Member.objects.filter(customer=request.auth.customer_id, program__is_default=True).first()
        program = selectors.default_program()
        window = leaderboard.window_of(program, query["window"], query["season"])
        board = leaderboard.read_board(program, by=query["by"], window=window, member=member)
        body: dict[str, Any] = {"by": query["by"], "window": query["window"], **asdict(window)}
        body |= {"places": board.places, "own": board.own}
        return Response(self.shape(request, shapes.LeaderboardOut)(body).data)


class LeaderboardNameView(ApiView):
    scopes = {"put": "members:write"}
    member_actions = ("put",)
    member_shapes = {"put": members.LeaderboardName}

    @extend_schema(
        operation_id="leaderboard_name", request=shapes.LeaderboardNameIn, responses=shapes.LeaderboardNameOut
    )
    def put(self, request: Request, number: str) -> Response:
        """Show the member on the leaderboard under this public name. An empty name takes the member off.

        400 `too_long`, `not_printable` or `contact`: e-mail addresses and phone numbers are not accepted.
        """
        member = member_in(request, number)
        name = self.valid(shapes.LeaderboardNameIn, request)["name"]
        saved = set_leaderboard_name(member=member, name=name, actor=self.actor_of(request))
        return Response(self.shape(request, shapes.LeaderboardNameOut)({"name": saved.leaderboard_name}).data)
