"""Free TCP ports on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping

HOST = "127.0.0.1"


def choose(names: Iterable[str], last_time: Mapping[str, int]) -> dict[str, int]:
    """Chooses a free port for each name: last time's where it is still free, else a new one.

    A port may be taken between this choice and its use; who binds it must be ready to choose again.
    """
    held: list[socket.socket] = []
    try:
        chosen = {}
        for name in names:
            holder = _bind(last_time.get(name, 0)) or _bind(0)
            if holder is None:
                raise OSError(f"no free TCP port on {HOST}")
            held.append(holder)
            chosen[name] = int(holder.getsockname()[1])
        return chosen
    finally:
        for holder in held:
            holder.close()


def _bind(port: int) -> socket.socket | None:
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Without it a port whose last connections are in TIME_WAIT counts as taken; a listener counts either way.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((HOST, port))
    except OSError:
        holder.close()
        return None
    return holder
