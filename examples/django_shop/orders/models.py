"""The shop's orders, and what awbridge has told about their parcels."""

import secrets

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models


def new_number() -> str:
    """An order number that cannot be guessed: who knows it may see the order."""
    return f"D{secrets.token_hex(8)}"


class Order(models.Model):
    """What a customer ordered: one product, to one address."""

    number = models.CharField(primary_key=True, max_length=20, default=new_number, editable=False)
    placed_at = models.DateTimeField(auto_now_add=True)

    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=10, validators=[RegexValidator(r"^[6-9]\d{9}$", "An Indian mobile number.")])
    address = models.CharField(max_length=200)
    city = models.CharField(max_length=50)
    state = models.CharField(max_length=50)
    pincode = models.CharField(max_length=6, validators=[RegexValidator(r"^[1-9]\d{5}$", "Six digits.")])

    sku = models.CharField(max_length=50)
    title = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=9, decimal_places=2, validators=[MinValueValidator(1)])
    weight = models.PositiveIntegerField(default=450, help_text="grams", editable=False)
    cash_on_delivery = models.BooleanField(default=False)

    awbridge_has_it = models.BooleanField(default=False, editable=False)
    problem = models.TextField(blank=True, editable=False)  # why awbridge refused it
    delivered_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [models.Index(fields=["placed_at"], condition=models.Q(awbridge_has_it=False), name="not_sent")]

    def get_absolute_url(self) -> str:
        """The customer's page of the order."""
        return f"/orders/{self.number}"


class Parcel(models.Model):
    """A parcel of an order, as awbridge last told. An order has a second one if the first was replaced."""

    reference_number = models.CharField(primary_key=True, max_length=200)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="parcels")
    waybill = models.CharField(max_length=50, blank=True)
    status = models.CharField(max_length=100, blank=True)
    status_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    cancelled = models.BooleanField(default=False)
    replaced_by = models.CharField(max_length=200, blank=True)
    track_url = models.URLField(blank=True, max_length=500)

    @property
    def text(self) -> str:
        """What the customer reads."""
        if self.status:
            return self.status
        if self.cancelled:
            return "Cancelled"
        return "Handed to the courier" if self.waybill else "Being packed"


class ReceivedEvent(models.Model):
    """An event of awbridge that was processed. awbridge repeats an event until it is acknowledged."""

    webhook_id = models.CharField(primary_key=True, max_length=100)
    received_at = models.DateTimeField(auto_now_add=True)
