"""The shop's addresses."""

from django.urls import path

from orders import views, webhooks

urlpatterns = [
    path("orders/new", views.new_order, name="new_order"),
    path("orders/<str:number>", views.show_order, name="order"),
    path("hooks/awbridge", webhooks.receive),
]
