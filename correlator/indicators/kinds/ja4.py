"""JA4 of a TLS client: a_b_c, 36 characters.

Source: https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from correlator.indicators.seam import Kind

_JA4 = re.compile(r"[tqd][0-9s][0-9s][di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}\Z", re.ASCII)


def normal(text: str) -> str | None:
    found = text.strip().lower()
    return found if _JA4.match(found) else None


def keys(text: str) -> Iterator[tuple[bytes, str]]:
    found = normal(text) if len(text) < 64 else None
    if found:
        yield found.encode(), found


_EXAMPLE = "t13d1516h2_8daaf6152771_e5627efa2ab1"

KIND = Kind(
    name="ja4",
    tag=11,
    title={"vi": "Dấu vân tay TLS (JA4)", "en": "TLS fingerprint (JA4)"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000011",
    alert={"vi": "Dấu vân tay TLS trong danh sách chỉ dấu", "en": "A listed TLS fingerprint was seen"},
    reason={"vi": "{luytre.who} kết nối TLS với dấu vân tay {threat.indicator.name} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "{luytre.who} spoke TLS with fingerprint {threat.indicator.name} "
                  "(indicator of {threat.indicator.provider})"},
    fields=("tls.client.ja4",),
    normal=normal,
    keys=keys,
    guess=3,
    examples=((_EXAMPLE, _EXAMPLE), (_EXAMPLE[:-1], None)),
    seen=(({"tls.client.ja4": _EXAMPLE}, _EXAMPLE),),
)  # fmt: skip
