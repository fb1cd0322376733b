"""The colours of pictures, for light and for dark, and which of them meet.

Texts keep a contrast of 4.5 to 1 with what they stand on, lines and marks one of 3 to 1 (Web
Content Accessibility Guidelines 2.2, level AA, 1.4.3 and 1.4.11). Nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "page": "#ffffff", "band": "#f1f4f8", "box": "#ffffff", "edge": "#79828e",
    "faint": "#c9d1da", "text": "#1b1f24", "muted": "#515a65",
    "blue": "#0b57a8", "red": "#b3261e", "amber": "#8a5200", "green": "#17692f",
    "redback": "#fdecea", "amberback": "#fff2dc", "greenback": "#e4f4e8",
}  # fmt: skip
"""Colours by what they are for, where the reader's scheme is light."""

DARK: Mapping[str, str] = {
    "page": "#0d1117", "band": "#171d25", "box": "#222933", "edge": "#8792a0",
    "faint": "#3b4552", "text": "#e8edf2", "muted": "#a9b4c0",
    "blue": "#79b8ff", "red": "#ff8f85", "amber": "#f0b65c", "green": "#71d18d",
    "redback": "#3a1917", "amberback": "#35270f", "greenback": "#13301c",
}  # fmt: skip
"""The same where it is dark."""

TEXTS = (
    *((ink, ground) for ink in ("text", "muted") for ground in ("page", "band", "box")),
    *((ink, ground) for ink in ("red", "amber", "green", "blue")
      for ground in ("page", "band", "box")),
    ("text", "redback"), ("text", "amberback"), ("text", "greenback"),
    ("red", "redback"), ("amber", "amberback"), ("green", "greenback"),
)  # fmt: skip
"""Colours of texts, with the colours that they stand on."""

LINES = (
    ("edge", "page"), ("edge", "band"), ("edge", "box"),
    *((ink, ground) for ink in ("red", "amber", "green", "blue") for ground in ("page", "band")),
)  # fmt: skip
"""Colours of lines and marks that mean something, with the colours behind them."""

_PAINT = (
    (".page", "fill", "page"), (".band", "fill", "band"), (".band", "stroke", "faint"),
    (".box", "fill", "box"), (".box", "stroke", "edge"), (".fold", "stroke", "edge"),
    (".t", "fill", "text"), (".m", "fill", "muted"),
    (".red", "fill", "red"), (".amber", "fill", "amber"),
    (".green", "fill", "green"), (".blue", "fill", "blue"),
    (".sred", "stroke", "red"), (".samber", "stroke", "amber"),
    (".sgreen", "stroke", "green"), (".sblue", "stroke", "blue"), (".smuted", "stroke", "muted"),
    (".bred", "fill", "redback"), (".bamber", "fill", "amberback"),
    (".bgreen", "fill", "greenback"), (".on", "stroke", "box"),
)  # fmt: skip


def svg_rules() -> str:
    """Return the style rules of a picture: how lines and fonts are, and the colours of both."""
    return "\n".join([_FORM, _rules(LIGHT), _dark(_rules(DARK))])


def page_rules() -> str:
    """Return the same for a page that holds pictures."""
    return "\n".join([_FORM, _rules(LIGHT), _page(LIGHT), _dark(_rules(DARK) + "\n" + _page(DARK))])


def _rules(colours: Mapping[str, str]) -> str:
    return "\n".join(f"{name}{{{what}:{colours[colour]}}}" for name, what, colour in _PAINT)


def _page(colours: Mapping[str, str]) -> str:
    return (
        f"body{{background:{colours['page']};color:{colours['text']}}}\n"
        f".quiet{{color:{colours['muted']}}}\n"
        f".blocks{{color:{colours['red']}}}\n.warns{{color:{colours['amber']}}}\n"
        f".fine{{color:{colours['green']}}}\n"
        f":focus-visible{{outline:3px solid {colours['blue']};outline-offset:2px}}"
    )


def _dark(rules: str) -> str:
    """Return rules for readers who want it dark; paper is always light."""
    return "@media screen and (prefers-color-scheme:dark){\n" + rules + "\n}"


_FORM = """\
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;\
direction:ltr;unicode-bidi:isolate;white-space:pre}
.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.bold{font-weight:600}
.line{fill:none;stroke-linejoin:round;stroke-linecap:round}
.none{fill:none}
.odd{fill-rule:evenodd}
.sign{stroke-width:2}
.thin{stroke-width:1.5}
.thick{stroke-width:3}
.heavy{stroke-width:4}
.dash{stroke-dasharray:7 5}
.dots{stroke-dasharray:2 4}"""
