"""The shop's tests. On SQLite they need nothing else; on PostgreSQL they include the common transaction."""

import json
import os
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from unittest import skipUnless

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase, override_settings
from standardwebhooks import Webhook

from awbridge.enqueue import enqueue
from orders.models import Order, Parcel
from orders.shipping import hand_over, payload_of

SECRET = "whsec_c2hvcHMgdGVzdHMgc2hhcmUgdGhpcyBzZWNyZXQ="
FORM = {
    "name": "Asha Rao",
    "phone": "9000000002",
    "address": "5 Lake View",
    "city": "Bengaluru",
    "state": "Karnataka",
    "pincode": "560001",
    "sku": "SHIRT-M",
    "title": "Cotton shirt, M",
    "price": "1499.50",
}
on_postgresql = skipUnless(connection.vendor == "postgresql", "shop and awbridge share a database on PostgreSQL only")


def event(kind: str, order: Order, *, status: str = "", at: str = "2026-11-23T08:30:00+00:00", **more: Any) -> str:
    """An event as awbridge sends it."""
    data = {"reference_number": order.number, "order_id": order.number, "waybill": "1234567890", "track_url": None}
    data |= {"replaces": None, "replaced_by": None, **more}
    if status:
        data["status"] = {"code": 8, "name": status, "bucket": 6, "at": at, "final": False}
    return json.dumps({"type": kind, "timestamp": at, "data": data})


@override_settings(SHIPPING_WEBHOOK_SECRET=SECRET)
class Webhooks(TestCase):
    """What the shop does with awbridge's events."""

    def setUp(self) -> None:
        self.client.post("/orders/new", FORM)
        self.order = Order.objects.get()

    def deliver(self, body: str, webhook_id: str, secret: str = SECRET) -> int:
        now = datetime.now(UTC)
        signature = Webhook(secret).sign(webhook_id, now, body)
        headers = {"webhook-id": webhook_id, "webhook-timestamp": str(int(now.timestamp()))}
        headers["webhook-signature"] = signature
        answer = self.client.post("/hooks/awbridge", body, content_type="application/json", headers=headers)
        return answer.status_code

    def page(self) -> str:
        return self.client.get(self.order.get_absolute_url()).content.decode()

    def test_the_page_follows_the_parcel(self) -> None:
        self.assertIn("Being packed", self.page())
        self.assertEqual(self.deliver(event("shipment.placed", self.order), "evt_1"), 204)
        self.assertIn("Handed to the courier, waybill 1234567890", self.page())
        self.assertEqual(self.deliver(event("delivered", self.order, status="Delivered"), "evt_2"), 204)
        self.assertIn("Delivered", self.page())

    def test_an_event_that_is_repeated_is_processed_once(self) -> None:
        delivered = event("delivered", self.order, status="Delivered")
        self.assertEqual(self.deliver(delivered, "evt_1"), 204)
        Order.objects.update(delivered_at=None)
        self.assertEqual(self.deliver(delivered, "evt_1"), 204)
        self.order.refresh_from_db()
        self.assertIsNone(self.order.delivered_at)

    def test_an_older_status_that_comes_later_changes_nothing(self) -> None:
        self.deliver(event("status.changed", self.order, status="Delivered", at="2026-11-23T08:30:00+00:00"), "evt_2")
        self.deliver(event("status.changed", self.order, status="In Transit", at="2026-11-22T08:30:00+00:00"), "evt_1")
        self.assertIn("Delivered", self.page())

    def test_the_page_shows_the_parcel_that_replaced_another(self) -> None:
        self.deliver(
            event("status.changed", self.order, status="In Transit", reference_number="NEW", waybill="2"), "evt_2"
        )
        self.deliver(event("shipment.cancelled", self.order, replaced_by="NEW", waybill="1"), "evt_1")
        self.assertIn("waybill 2", self.page())
        self.assertNotIn("waybill 1<", self.page())

    def test_a_forged_event_is_refused_and_one_of_another_shop_is_ignored(self) -> None:
        delivered = event("delivered", self.order, status="Delivered")
        self.assertEqual(self.deliver(delivered, "evt_1", secret="whsec_Zm9yZ2VkIHNlY3JldCBvZiBzb21lYm9keSBlbHNl"), 400)
        self.assertNotIn("Delivered", self.page())
        self.assertEqual(self.deliver(event("delivered", Order(number="OTHER"), status="Delivered"), "evt_1"), 204)
        self.assertFalse(Parcel.objects.filter(reference_number="OTHER").exists())


class Form(TestCase):
    """What the customer may enter."""

    def test_a_wrong_field_places_no_order(self) -> None:
        answer = self.client.post("/orders/new", {**FORM, "pincode": "12"})
        self.assertContains(answer, "Six digits.", status_code=422)
        self.assertFalse(Order.objects.exists())


@skipUnless(connection.vendor == "sqlite", "on PostgreSQL orders need no sending")
class Sending(TestCase):
    """What waits for awbridge where the database is another one."""

    @override_settings(SHIPPING_API="http://127.0.0.1:9")
    def test_an_order_stays_until_awbridge_took_it(self) -> None:
        self.client.post("/orders/new", FORM)
        with self.assertRaisesMessage(CommandError, "awbridge did not take the orders, which stay"):
            call_command("send_orders")
        self.assertFalse(Order.objects.get().awbridge_has_it)

    @skipUnless("SHOP_SHIPPING_API" in os.environ, "needs a running awbridge, which SHOP_SHIPPING_API names")
    def test_an_order_is_sent_once(self) -> None:
        self.client.post("/orders/new", FORM)
        self.assertEqual([self.send(), self.send()], ["sent 1, refused 0", "sent 0, refused 0"])
        self.assertTrue(Order.objects.get().awbridge_has_it)
        Order.objects.update(awbridge_has_it=False)  # as after a crash before the commit
        self.assertEqual(self.send(), "sent 1, refused 0")

    @skipUnless("SHOP_SHIPPING_API" in os.environ, "needs a running awbridge, which SHOP_SHIPPING_API names")
    def test_a_refused_order_says_why_and_is_not_sent_again(self) -> None:
        self.client.post("/orders/new", FORM)
        with override_settings(TRANSPORTER="Nobody"):
            self.assertEqual([self.send(), self.send()], ["sent 0, refused 1", "sent 0, refused 0"])
        self.assertIn("'Nobody' is not known", Order.objects.get().problem)

    def send(self) -> str:
        printed = StringIO()
        call_command("send_orders", stdout=printed)
        return printed.getvalue().strip()


@on_postgresql
class OneTransaction(TransactionTestCase):
    """The order and its shipment commit together, or neither."""

    def is_stored(self, order: Order) -> bool:
        """Whether awbridge has the order: it is then not stored again."""
        with transaction.atomic():
            known = not enqueue(connection, payload_of(order), schema=settings.SHIPPING_SCHEMA).created
            transaction.set_rollback(True)
        return known

    def test_both_commit(self) -> None:
        self.client.post("/orders/new", FORM)
        order = Order.objects.get()
        self.assertTrue(order.awbridge_has_it)
        self.assertTrue(self.is_stored(order))

    def test_both_roll_back(self) -> None:
        order = Order(**FORM)
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            order.save()
            hand_over(order)
            1 / 0  # noqa: B018 such as a payment that fails
        self.assertFalse(Order.objects.exists())
        self.assertFalse(self.is_stored(order))

    @override_settings(TRANSPORTER="Nobody")
    def test_what_awbridge_refuses_is_not_ordered(self) -> None:
        answer = self.client.post("/orders/new", FORM)
        self.assertContains(answer, "This order cannot be shipped: transporter: ", status_code=422)
        self.assertFalse(Order.objects.exists())
