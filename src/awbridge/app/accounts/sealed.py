"""Secrets of accounts, as the database holds them: encrypted by XChaCha20-Poly1305 with a key of the settings.

A sealed secret is `1.ID.DATA`: the format, which key sealed it, and nonce and ciphertext in base64. What it was sealed
for (an account and a setting) is authenticated with it, so that it opens nowhere else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence

from awbridge.app.parts import is_installed
from awbridge.app.settings.values import SecretStr
from awbridge.domain.errors import MissingPart

SETTING = "AWBRIDGE_ACCOUNTS_KEY"
PART = "accounts"  # the optional part that has the cipher
_BYTES = 32
_FORMAT = "1"


def new_key() -> str:
    """A random key, as AWBRIDGE_ACCOUNTS_KEY takes it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_BYTES)).decode().rstrip("=")


def read_key(text: str) -> bytes:
    """The bytes of a key. Raises ValueError, to continue a sentence about the setting."""
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise ValueError("must have keys that awbridge accounts key prints")
    return key


class NoKey(Exception):
    """A secret cannot be sealed or opened. The text says why, and what to do."""


class Seal:
    """Seals secrets by the first of these keys; opens those of any."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._keys = {_id(key): key for key in (read_key(text.get_secret_value()) for text in keys)}

    def seal(self, text: str, sealed_for: str) -> str:
        """The sealed form of a secret. Raises NoKey without any key, or without the part that encrypts."""
        if not self._keys:
            raise NoKey(
                f"the database holds secrets only encrypted, and {SETTING} is not set: set it to a key that awbridge "
                "accounts key prints, or name a file that holds the secret, as in clickpost_key_file"
            )
        if not is_installed(PART):
            raise NoKey(str(MissingPart("encrypting it", PART)))
        from nacl.secret import Aead

        name, key = next(iter(self._keys.items()))
        sealed = Aead(key).encrypt(text.encode(), aad=sealed_for.encode())
        return f"{_FORMAT}.{name}.{base64.b64encode(sealed).decode()}"

    def open(self, sealed: str, sealed_for: str) -> str:
        """The secret. Raises NoKey where no key opens it, or without the part that decrypts."""
        if not is_installed(PART):
            raise NoKey(f"is encrypted, and {MissingPart('decrypting it', PART)}")
        from nacl.exceptions import CryptoError
        from nacl.secret import Aead

        form, _, rest = sealed.partition(".")
        name, _, data = rest.partition(".")
        if form == _FORMAT and name not in self._keys:
            raise NoKey(
                f"was encrypted with a key that {SETTING} does not have: add that key to it, after the newer ones, "
                "or set the secret again"
            )
        try:
            content = base64.b64decode(data, validate=True)
            return Aead(self._keys[name]).decrypt(content, aad=sealed_for.encode()).decode()
        except (KeyError, CryptoError, ValueError):
            raise NoKey("is damaged in the database: set it again") from None

    def is_newest(self, sealed: str) -> bool:
        """Whether the first key sealed it."""
        return bool(self._keys) and sealed.startswith(f"{_FORMAT}.{next(iter(self._keys))}.")


def _id(key: bytes) -> str:
    """What names a key without telling it."""
    return hashlib.sha256(b"awbridge accounts key, id, 1\0" + key).hexdigest()[:8]
