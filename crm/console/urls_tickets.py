from django.urls import path

from crm.console import tickets

urlpatterns = [
    path("tickets/", tickets.index, name="tickets"),
    path("tickets/new/", tickets.new, name="ticket_new"),
    path("tickets/<str:number>/", tickets.show, name="ticket"),
    path("tickets/<str:number>/reply/", tickets.reply, name="ticket_reply"),
    path("tickets/<str:number>/draft/", tickets.draft, name="ticket_draft"),
    path("tickets/<str:number>/reopen/", tickets.reopen, name="ticket_reopen"),
    path("tickets/<str:number>/assign/", tickets.assign, name="ticket_assign"),
    path("tickets/<str:number>/priority/", tickets.prioritise, name="ticket_priority"),
    path("tickets/<str:number>/resolve/", tickets.resolve, name="ticket_resolve"),
    path("tickets/<str:number>/close/", tickets.close, name="ticket_close"),
    path("rate/<str:token>/", tickets.rate, name="rate"),
]
