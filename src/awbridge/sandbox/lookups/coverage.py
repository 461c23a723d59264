"""India by pincode, and which account serves what: pure, drawn from the seed, the same whenever it is asked."""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from awbridge.sandbox.config import Account, SandboxConfig

# The first two digits of a pincode name the postal circle.
_CIRCLES: Final[Mapping[str, tuple[str, str]]] = {
    "11": ("NEW DELHI", "DELHI"),
    "12": ("GURUGRAM", "HARYANA"),
    "13": ("PANIPAT", "HARYANA"),
    "14": ("LUDHIANA", "PUNJAB"),
    "15": ("BATHINDA", "PUNJAB"),
    "16": ("CHANDIGARH", "CHANDIGARH"),
    "17": ("SHIMLA", "HIMACHAL PRADESH"),
    "18": ("JAMMU", "JAMMU & KASHMIR"),
    "19": ("SRINAGAR", "JAMMU & KASHMIR"),
    "20": ("NOIDA", "UTTAR PRADESH"),
    "21": ("PRAYAGRAJ", "UTTAR PRADESH"),
    "22": ("LUCKNOW", "UTTAR PRADESH"),
    "24": ("DEHRADUN", "UTTARAKHAND"),
    "25": ("MEERUT", "UTTAR PRADESH"),
    "28": ("AGRA", "UTTAR PRADESH"),
    "30": ("JAIPUR", "RAJASTHAN"),
    "31": ("UDAIPUR", "RAJASTHAN"),
    "34": ("JODHPUR", "RAJASTHAN"),
    "36": ("RAJKOT", "GUJARAT"),
    "38": ("AHMEDABAD", "GUJARAT"),
    "39": ("SURAT", "GUJARAT"),
    "40": ("MUMBAI", "MAHARASHTRA"),
    "41": ("PUNE", "MAHARASHTRA"),
    "42": ("NASHIK", "MAHARASHTRA"),
    "44": ("NAGPUR", "MAHARASHTRA"),
    "45": ("INDORE", "MADHYA PRADESH"),
    "46": ("BHOPAL", "MADHYA PRADESH"),
    "49": ("RAIPUR", "CHHATTISGARH"),
    "50": ("HYDERABAD", "TELANGANA"),
    "52": ("VIJAYAWADA", "ANDHRA PRADESH"),
    "53": ("VISAKHAPATNAM", "ANDHRA PRADESH"),
    "56": ("BENGALURU", "KARNATAKA"),
    "57": ("MYSURU", "KARNATAKA"),
    "58": ("HUBBALLI", "KARNATAKA"),
    "60": ("CHENNAI", "TAMIL NADU"),
    "62": ("MADURAI", "TAMIL NADU"),
    "64": ("COIMBATORE", "TAMIL NADU"),
    "67": ("KOZHIKODE", "KERALA"),
    "68": ("KOCHI", "KERALA"),
    "69": ("THIRUVANANTHAPURAM", "KERALA"),
    "70": ("KOLKATA", "WEST BENGAL"),
    "73": ("SILIGURI", "WEST BENGAL"),
    "75": ("BHUBANESWAR", "ODISHA"),
    "78": ("GUWAHATI", "ASSAM"),
    "79": ("SHILLONG", "MEGHALAYA"),
    "80": ("PATNA", "BIHAR"),
    "83": ("RANCHI", "JHARKHAND"),
}
_OFFICES: Final = (1, 12, 38, 75)
ORDER_TYPES: Final = ("PREPAID", "COD", "EXCHANGE")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pincode lies."""

    pincode: str
    city: str
    state: str


def is_pincode(text: str) -> bool:
    """Whether this has the form of an Indian pincode."""
    return re.fullmatch(r"[1-9]\d{5}", text, re.ASCII) is not None


def place_of(pincode: str) -> Place | None:
    """The place of a pincode; None where there is none such."""
    circle = _CIRCLES.get(pincode[:2]) if is_pincode(pincode) else None
    return Place(pincode, *circle) if circle else None


def listed_pincodes() -> Iterator[str]:
    """The pincodes that lists of served pincodes are made of: a few post offices of every circle."""
    for circle in _CIRCLES:
        for office in _OFFICES:
            yield f"{circle}{office:04d}"


def active_accounts(config: SandboxConfig) -> list[Account]:
    """The accounts that take orders."""
    return [account for account in config.accounts if account.account_active]


def account_id(config: SandboxConfig, account: Account) -> int:
    """ClickPost's own number of an account."""
    return 210_000 + 17 * config.accounts.index(account)


def serves(config: SandboxConfig, account: Account, pincode: str) -> bool:
    """Whether an account fetches and delivers at a pincode."""
    if place_of(pincode) is None or pincode in config.unserved_pincodes or pincode.startswith(account.not_served):
        return False
    return _dice(config, account, "serves", pincode).random() < config.serviceable_share


def takes(account: Account, order_type: str) -> bool:
    """Whether an account serves this way of payment at all."""
    return {"COD": account.cod, "EXCHANGE": account.exchange}.get(order_type, order_type == "PREPAID")


def fits(account: Account, service_type: str) -> bool:
    """Whether an account does FORWARD, RVP or EXCHANGE."""
    return {"RVP": account.rvp, "EXCHANGE": account.exchange}.get(service_type, service_type == "FORWARD")


def between(
    config: SandboxConfig, pickup: str, drop: str, *, order_type: str = "PREPAID", service_type: str = "FORWARD"
) -> list[Account]:
    """The active accounts that go from one pincode to another, the fastest and then the cheapest first."""
    found = [
        account
        for account in active_accounts(config)
        if takes(account, order_type)
        and fits(account, service_type)
        and serves(config, account, pickup)
        and serves(config, account, drop)
    ]
    return sorted(found, key=lambda account: (days(config, account, pickup, drop), charge(config, account, drop, 0)))


def zone(pickup: str, drop: str) -> str:
    """How far apart two pincodes lie, in ClickPost's words."""
    if pickup[:3] == drop[:3]:
        return "CITY"
    here, there = place_of(pickup), place_of(drop)
    if here and there and here.state == there.state:
        return "STATE"
    return "ZONE" if pickup[:1] == drop[:1] else "NATIONAL"


def days(config: SandboxConfig, account: Account, pickup: str, drop: str) -> tuple[int, int]:
    """Fewest and most days of an account between two pincodes."""
    least = {"CITY": 1, "STATE": 2, "ZONE": 3}.get(zone(pickup, drop), 4)
    dice = _dice(config, account, "days", pickup[:3], drop[:3])
    fewest = least + dice.randint(0, 1)
    return fewest, fewest + dice.randint(0, 2)


def charge(config: SandboxConfig, account: Account, drop: str, grams: float) -> float:
    """Rupees for a parcel."""
    return round(_dice(config, account, "charge", drop[:3]).uniform(28, 60) * max(1.0, grams / 500), 2)


def _dice(config: SandboxConfig, account: Account, *parts: str) -> random.Random:
    named = (config.seed, account.courier_partner_id, account.account_code, *parts)
    return random.Random(":".join(str(part) for part in named))
