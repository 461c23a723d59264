"""The shop's pages: a form that places an order, and the order's page."""

from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from awbridge.enqueue import PayloadRefused
from orders import shipping
from orders.models import Order


class OrderForm(ModelForm):
    """What the customer enters."""

    class Meta:
        model = Order
        exclude = ("delivered_at",)


@require_http_methods(["GET", "HEAD", "POST"])
def new_order(request: HttpRequest) -> HttpResponse:
    """Place an order: it and its shipment commit together, or neither."""
    form = OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                order = form.save()
                shipping.hand_over(order)
        except PayloadRefused as refused:
            form.add_error(None, f"This order cannot be shipped: {refused}")
        else:
            return redirect(order)
    return render(request, "orders/new.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def show_order(request: HttpRequest, number: str) -> HttpResponse:
    """The order with its parcels, from the shop's own tables: nothing here calls awbridge or ClickPost."""
    order = get_object_or_404(Order, number=number)
    return render(request, "orders/order.html", {"order": order, "parcels": order.parcels.filter(replaced_by="")})
