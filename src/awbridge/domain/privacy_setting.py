"""A privacy policy as it stands in a setting. Pure."""

from __future__ import annotations

from awbridge.domain.privacy import PersonalKind, Privacy, Treatment


def read_privacy(text: str, *, key: str = "") -> Privacy:
    """Read a policy from a setting: `phone=mask,name=mask,additional.note=drop`. Raises ValueError."""
    kinds: dict[PersonalKind, Treatment] = {}
    fields: dict[str, Treatment] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, treatment = (s.strip() for s in part.partition("="))
        if not equals or treatment not in set(Treatment):
            raise ValueError(f"{part!r}: write kind=treatment; treatments are {', '.join(Treatment)}")
        if name in set(PersonalKind):
            kinds[PersonalKind(name)] = Treatment(treatment)
        elif "." in name or "*" in name:
            fields[name] = Treatment(treatment)
        else:
            raise ValueError(
                f"{name!r} is neither a kind ({', '.join(PersonalKind)}) nor a path like drop_info.drop_name"
            )
    return Privacy(kinds=kinds, fields=fields, key=key)
