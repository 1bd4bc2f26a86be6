"""The floor of the HTTP benchmarks: a bare DRF view with only the one-call redemption."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.conf import settings
from django.db import connection
from django.urls import path
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView


class Redeem(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    renderer_classes = (JSONRenderer,)
    parser_classes = (JSONParser,)

    def post(self, request, account: int):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT floor_redeem(%s, %s, %s)", [account, request.data["points"], request.headers["Idempotency-Key"]]
            )
            return Response({"available": cursor.fetchone()[0]})


urlpatterns = [path("redeem/<int:account>", Redeem.as_view())]
settings.ROOT_URLCONF = "bench.floor_app"
settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]  # it sets the length that keep-alive needs
application = get_wsgi_application()
