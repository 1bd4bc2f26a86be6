"""Pages that customers reach from their messages."""

from django.urls import path

from campaigns import public

urlpatterns = [
    path("u/<str:token>/", public.unsubscribe_page, name="unsubscribe"),
    path("c/<str:token>/", public.follow_link, name="follow_link"),
    path("o/<str:token>.gif", public.open_dot, name="open_dot"),
]
