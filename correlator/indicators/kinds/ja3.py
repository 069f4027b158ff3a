"""JA3 of a TLS client: MD5 in hexadecimal. Never guessed: it looks like any MD5."""

from __future__ import annotations

from correlator.indicators.kinds._plain import hex_keys, hexadecimal
from correlator.indicators.seam import Kind

_EXAMPLE = "e7d705a3286e19ea42f587b344ee6865"

KIND = Kind(
    name="ja3",
    tag=9,
    title={"vi": "Dấu vân tay TLS (JA3)", "en": "TLS fingerprint (JA3)"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000009",
    alert={"vi": "Dấu vân tay TLS trong danh sách chỉ dấu", "en": "A listed TLS fingerprint was seen"},
    reason={"vi": "{luytre.who} kết nối TLS với dấu vân tay {threat.indicator.name} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "{luytre.who} spoke TLS with fingerprint {threat.indicator.name} "
                  "(indicator of {threat.indicator.provider})"},
    fields=("tls.client.ja3",),
    normal=hexadecimal(32),
    keys=hex_keys(32),
    examples=((_EXAMPLE.upper(), _EXAMPLE), (_EXAMPLE[:-1], None)),
    seen=(({"tls.client.ja3": _EXAMPLE}, _EXAMPLE),),
)  # fmt: skip
