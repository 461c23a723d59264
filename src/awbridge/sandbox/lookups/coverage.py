"""India's pincodes, and which account serves them at what price. Pure; drawn from the seed."""

import random
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from awbridge.sandbox.config import SandboxConfig, SimulatedAccount

# The first two digits of a pincode identify the postal circle.
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
_POST_OFFICES: Final = (1, 12, 38, 75)


class PincodeLocation(NamedTuple):
    city: str
    state: str


def is_pincode(text: str) -> bool:
    """Whether the text has the format of an Indian pincode."""
    return re.fullmatch(r"[1-9]\d{5}", text, re.ASCII) is not None


def locate(pincode: str) -> PincodeLocation | None:
    """The location of a pincode; None if it does not exist."""
    circle = _CIRCLES.get(pincode[:2]) if is_pincode(pincode) else None
    return PincodeLocation(*circle) if circle else None


def listed_pincodes() -> Iterator[str]:
    """The pincodes that lists of served pincodes are drawn from: a few post offices of every circle."""
    for circle in _CIRCLES:
        for number in _POST_OFFICES:
            yield f"{circle}{number:04d}"


def active_accounts(config: SandboxConfig) -> list[SimulatedAccount]:
    """The accounts that accept orders."""
    return [account for account in config.accounts if account.account_active]


def account_id(config: SandboxConfig, account: SimulatedAccount) -> int:
    """ClickPost's internal id of an account."""
    return 210_000 + 17 * config.accounts.index(account)


def serves(config: SandboxConfig, account: SimulatedAccount, pincode: str) -> bool:
    """Whether an account picks up and delivers at a pincode."""
    if locate(pincode) is None or pincode in config.unserved_pincodes or pincode.startswith(account.not_served):
        return False
    return _rng(config, account, "serves", pincode).random() < config.serviceable_share


def accepts_payment(account: SimulatedAccount, order_type: str) -> bool:
    return {"COD": account.cod, "EXCHANGE": account.exchange}.get(order_type, order_type == "PREPAID")


def supports_service(account: SimulatedAccount, service_type: str) -> bool:
    """Whether an account supports FORWARD, RVP or EXCHANGE."""
    return {"RVP": account.rvp, "EXCHANGE": account.exchange}.get(service_type, service_type == "FORWARD")


def accounts_supporting(config: SandboxConfig, order_type: str, service_type: str) -> list[SimulatedAccount]:
    """The active accounts that support an order type and a service type."""
    return [
        account
        for account in active_accounts(config)
        if accepts_payment(account, order_type) and supports_service(account, service_type)
    ]


def accounts_between(
    config: SandboxConfig, pickup: str, drop: str, *, order_type: str = "PREPAID", service_type: str = "FORWARD"
) -> list[SimulatedAccount]:
    """The active accounts that serve both pincodes, sorted by transit days, then by charge."""
    accounts = [
        account
        for account in accounts_supporting(config, order_type, service_type)
        if serves(config, account, pickup) and serves(config, account, drop)
    ]
    return sorted(
        accounts,
        key=lambda account: (transit_days(config, account, pickup, drop), shipping_charge(config, account, drop, 0)),
    )


def zone(pickup: str, drop: str) -> str:
    """ClickPost's zone for the distance between two pincodes."""
    if pickup[:3] == drop[:3]:
        return "CITY"
    origin, destination = locate(pickup), locate(drop)
    if origin and destination and origin.state == destination.state:
        return "STATE"
    return "ZONE" if pickup[:1] == drop[:1] else "NATIONAL"


def transit_days(config: SandboxConfig, account: SimulatedAccount, pickup: str, drop: str) -> tuple[int, int]:
    """Minimum and maximum transit days of an account between two pincodes."""
    base = {"CITY": 1, "STATE": 2, "ZONE": 3}.get(zone(pickup, drop), 4)
    rng = _rng(config, account, "days", pickup[:3], drop[:3])
    minimum = base + rng.randint(0, 1)
    return minimum, minimum + rng.randint(0, 2)


def shipping_charge(config: SandboxConfig, account: SimulatedAccount, drop: str, grams: float) -> float:
    """The charge for a parcel, rupees."""
    return round(_rng(config, account, "charge", drop[:3]).uniform(28, 60) * max(1.0, grams / 500), 2)


def _rng(config: SandboxConfig, account: SimulatedAccount, *parts: str) -> random.Random:
    key = (config.seed, account.courier_partner_id, account.account_code, *parts)
    return random.Random(":".join(str(part) for part in key))
