"""Signatures of URLs that let a request in without a token."""

import hashlib
import hmac
import secrets


class Signatures:
    """Signs, and knows its own signatures again. They end with the server, whose key nobody keeps."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, *parts: str) -> str:
        """The signature of some texts, in their order."""
        return hmac.new(self._key, "\0".join(parts).encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def fits(self, signature: str, *parts: str) -> bool:
        """Whether a signature is that of these texts."""
        return hmac.compare_digest(self.of(*parts).encode(), signature.encode("utf-8", "replace"))
