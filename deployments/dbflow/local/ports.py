"""Free TCP ports on 127.0.0.1."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Mapping

HOST = "127.0.0.1"

# Below the ports that systems give to outgoing connections (Linux from 32768, macOS from 49152): a service
# that is started again then finds its port free.
_RANGE = range(20000, 32000)
_TRIES = 50


def choose(names: Iterable[str], last_time: Mapping[str, int]) -> dict[str, int]:
    """Chooses a free port for each name: last time's where it is still free, else a new one.

    A port may be taken between this choice and its use; who binds it must be ready to choose again.
    """
    held: list[socket.socket] = []
    try:
        chosen = {}
        for name in names:
            holder = (_bind(last_time[name]) if name in last_time else None) or _bind_any()
            if holder is None:
                raise OSError(f"no free TCP port on {HOST}")
            held.append(holder)
            chosen[name] = int(holder.getsockname()[1])
        return chosen
    finally:
        for holder in held:
            holder.close()


def _bind_any() -> socket.socket | None:
    for port in random.sample(_RANGE, _TRIES):
        holder = _bind(port)
        if holder is not None:
            return holder
    return _bind(0)


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
