"""Compares tokens, and makes the cookie that stands for the token in a browser."""

import hashlib
import hmac


def is_token(token: bytes, sent: str) -> bool:
    """Compare a token in constant time."""
    return hmac.compare_digest(token, sent.encode("utf-8", "replace"))


def cookie_name(token: str) -> str:
    """The name of the cookie. It depends on the workspace, since browsers share cookies between ports."""
    return f"dbflow_workspace_{hmac.new(token.encode(), b'name', hashlib.sha256).hexdigest()[:12]}"


def session_of(token: str) -> str:
    """The value of the cookie. It proves that the browser had the token, and does not reveal it."""
    return hmac.new(token.encode(), b"browser", hashlib.sha256).hexdigest()
