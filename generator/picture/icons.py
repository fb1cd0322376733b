"""The signs of a picture, drawn as paths so that no font is needed for them; each 10 by 10."""

from __future__ import annotations

from generator.picture.shapes import Line

_FILLED = {
    "provides": "M5 0L10 5L5 10L0 5Z",
    "waits": "M0.5 0H9.5L5 5ZM0.5 10H9.5L5 5Z",
    "harm": "M5 0L10.5 10H-0.5ZM4.4 3.5V6.5H5.6V3.5ZM4.4 7.6V8.8H5.6V7.6Z",
}
_DRAWN = {
    "fails": "M1 1L9 9M9 1L1 9",
    "pending": "M5 0.5A4.5 4.5 0 1 1 4.99 0.5ZM5 2.5V5.5L7 6.5",
    "moved": "M0 5H9M5.5 1.5L9.5 5L5.5 8.5",
    "added": "M5 0.5V9.5M0.5 5H9.5",
    "spared": "M0.5 5.5L3.8 9L9.5 1",
}


def icon(kind: str, x: float, y: float, ink: str) -> list[Line]:
    """Return the sign of a kind of mark at a place, in the ink of a text (`t`, `m`, a colour)."""
    if kind in _FILLED:
        return [Line(_FILLED[kind], f"{ink} odd", x, y)]
    stroke = {"t": "smuted", "m": "smuted"}.get(ink, f"s{ink}")
    return [Line(_DRAWN[kind], f"line {stroke} sign", x, y)]
