"""Imports inside functions, of a module of the project and of one of the standard library."""

import threading

_lock = threading.Lock()
loads = 0


def price(name: str) -> int:
    """Look a price up in a table that is imported on first use."""
    global loads
    from . import lazy_part

    with _lock:
        loads += 1
    return lazy_part.PRICES[name]


def brightness(red: float, green: float, blue: float) -> float:
    """Uses a module of the standard library that few programs have imported already."""
    global loads
    import colorsys

    with _lock:
        loads += 1
    return colorsys.rgb_to_hls(red, green, blue)[1]
