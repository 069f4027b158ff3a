"""A browser by the name that people use for it: "Firefox · Windows". No version, no fingerprint, nothing of the text
itself: a stranger may write anything there."""

from __future__ import annotations

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("CocCoc", "Cốc Cốc"), ("coc_coc", "Cốc Cốc"), ("Firefox", "Firefox"),
             ("Chrom", "Chrome"), ("Safari", "Safari"), ("curl", "curl"), ("python", "Python"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Windows", "Windows"), ("Mac OS", "macOS"),
            ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip


def named(user_agent: str) -> str:
    text = user_agent[:512]
    found = [next((name for mark, name in known if mark in text), "") for known in (_BROWSERS, _SYSTEMS)]
    return " · ".join(part for part in found if part)
