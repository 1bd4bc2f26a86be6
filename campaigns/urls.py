"""Pages that customers reach from their messages."""

from django.urls import path

from campaigns import public

urlpatterns = [path("u/<str:token>/", public.unsubscribe_page, name="unsubscribe")]
