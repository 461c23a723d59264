"""Typed bodies of the requests to ClickPost. Each is sent in place of a plain JSON object."""

from awbridge.clickpost.models.access import (
    Login,
    ServiceRegistration,
    WebhookRegistration,
    WebhookTest,
    WhatsAppSwitch,
)
from awbridge.clickpost.models.choosing import (
    DropServiceabilityRequest,
    EddOptions,
    EddRequest,
    RecommendationRequest,
    ServiceabilityOptions,
    ServiceabilityRequest,
    WorldEddOptions,
    WorldEddPlace,
    WorldEddRequest,
    WorldRecommendationDetails,
    WorldRecommendationRequest,
)
from awbridge.clickpost.models.edits import OrderEdit
from awbridge.clickpost.models.ndr import NdrAction, NdrUpdate
from awbridge.clickpost.models.parts import CustomField, CustomFields, Package, Place, ShippedItem
from awbridge.clickpost.models.pickups import IndiaPickupRequest, PickupPlace, PickupShipment, WorldPickupRequest
from awbridge.clickpost.models.reports import ReportFilters, ReportRequest
from awbridge.clickpost.models.waybills import (
    ConsumerDetails,
    ShipmentInfoV2,
    ShipmentInfoV3,
    ShipmentItemsV2,
    WaybillAdditional,
    WaybillRemoval,
    WaybillV2,
    WaybillV3,
)

__all__ = [
    "ConsumerDetails",
    "CustomField",
    "CustomFields",
    "DropServiceabilityRequest",
    "EddOptions",
    "EddRequest",
    "IndiaPickupRequest",
    "Login",
    "NdrAction",
    "NdrUpdate",
    "OrderEdit",
    "Package",
    "PickupPlace",
    "PickupShipment",
    "Place",
    "RecommendationRequest",
    "ReportFilters",
    "ReportRequest",
    "ServiceRegistration",
    "ServiceabilityOptions",
    "ServiceabilityRequest",
    "ShipmentInfoV2",
    "ShipmentInfoV3",
    "ShipmentItemsV2",
    "ShippedItem",
    "WaybillAdditional",
    "WaybillRemoval",
    "WaybillV2",
    "WaybillV3",
    "WebhookRegistration",
    "WebhookTest",
    "WhatsAppSwitch",
    "WorldEddOptions",
    "WorldEddPlace",
    "WorldEddRequest",
    "WorldPickupRequest",
    "WorldRecommendationDetails",
    "WorldRecommendationRequest",
]
