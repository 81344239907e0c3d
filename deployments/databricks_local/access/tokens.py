"""The token: in the header of API requests, as a cookie for a person's browser."""

import hashlib
import hmac


def is_token(token: bytes, sent: str) -> bool:
    """Compare a token in constant time."""
    return hmac.compare_digest(token, sent.encode("utf-8", "replace"))


def cookie_name(token: str) -> str:
    """A name of its own for each workspace: browsers share cookies between the ports of a host."""
    return f"dbflow_workspace_{hmac.new(token.encode(), b'name', hashlib.sha256).hexdigest()[:12]}"


def session_of(token: str) -> str:
    """What the cookie holds: proof of the token, not the token."""
    return hmac.new(token.encode(), b"browser", hashlib.sha256).hexdigest()
