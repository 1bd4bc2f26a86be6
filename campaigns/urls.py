"""Route pages that customers open from their messages, and callbacks of providers."""

from django.urls import path

from campaigns import hooks, public

urlpatterns = [
    path("u/<str:token>/", public.unsubscribe_page, name="unsubscribe"),
    path("c/<str:token>/", public.follow_link, name="follow_link"),
    path("o/<str:token>.gif", public.open_dot, name="open_dot"),
    path("p/<str:token>/", public.preferences_page, name="message_preferences"),
    path("hooks/messages/<int:pk>/", hooks.receipts, name="message_receipts"),
    path("hooks/email/<slug:provider>/", hooks.mail_events, name="mail_events"),
]
