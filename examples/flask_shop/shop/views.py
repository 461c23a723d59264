"""The shop's pages: a form that places an order, and the order's page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from awbridge.enqueue import PayloadRefused
from shop.models import Order, new_number, sessions
from shop.shipping import hand_over

pages = Blueprint("pages", __name__)

FIELDS = {
    "name": r".{1,100}",
    "phone": r"[6-9]\d{9}",
    "address": r".{1,200}",
    "city": r".{1,50}",
    "state": r".{1,50}",
    "pincode": r"[1-9]\d{5}",
    "sku": r".{1,50}",
    "title": r".{1,100}",
}


def read_order(form: Mapping[str, str]) -> Order:
    """The order of a form. Raises ValueError, which names the fields that are wrong."""
    entered = {name: form.get(name, "").strip() for name in FIELDS}
    wrong = [name for name, pattern in FIELDS.items() if not re.fullmatch(pattern, entered[name])]
    try:
        price = Decimal(form.get("price", ""))
        if not 1 <= price < 10**7:
            wrong.append("price")
    except InvalidOperation:
        wrong.append("price")
    if wrong:
        raise ValueError(f"Please correct: {', '.join(wrong)}")
    return Order(number=new_number(), price=price, cash_on_delivery="cash_on_delivery" in form, **entered)


@pages.route("/orders/new", methods=["GET", "POST"])
def new_order() -> ResponseReturnValue:
    """Place an order: it and its shipment commit together, or neither."""
    if request.method == "GET":
        return render_template("new.html", fields=[*FIELDS, "price"], form={}, problem="")
    try:
        order = read_order(request.form)
        with sessions().begin() as session:
            hand_over(session, order)
            page = url_for("pages.show_order", number=order.number)
    except PayloadRefused as refused:
        problem = f"This order cannot be shipped: {refused}"
    except ValueError as error:
        problem = str(error)
    else:
        return redirect(page, 303)
    return render_template("new.html", fields=[*FIELDS, "price"], form=request.form, problem=problem), 422


@pages.get("/orders/<number>")
def show_order(number: str) -> ResponseReturnValue:
    """The order with its parcels, from the shop's own tables: nothing here calls awbridge or ClickPost."""
    with sessions()() as session:
        order = session.get(Order, number) or abort(404)
        parcels = [parcel for parcel in order.parcels if not parcel.replaced_by]
        return render_template("order.html", order=order, parcels=parcels)
