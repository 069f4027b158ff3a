"""JA3S of a TLS server: MD5 in hexadecimal. Never guessed: it looks like any MD5."""

from __future__ import annotations

from correlator.indicators.kinds._plain import hex_keys, hexadecimal
from correlator.indicators.seam import Kind

_EXAMPLE = "e7d705a3286e19ea42f587b344ee6865"

KIND = Kind(
    name="ja3s",
    tag=10,
    title={"vi": "Dấu vân tay TLS (JA3S)", "en": "TLS fingerprint (JA3S)"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000010",
    alert={"vi": "Dấu vân tay TLS trong danh sách chỉ dấu", "en": "A listed TLS fingerprint was seen"},
    reason={"vi": "{luytre.who} kết nối TLS với dấu vân tay {threat.indicator.name} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "{luytre.who} spoke TLS with fingerprint {threat.indicator.name} "
                  "(indicator of {threat.indicator.provider})"},
    fields=("tls.server.ja3s",),
    normal=hexadecimal(32),
    keys=hex_keys(32),
    examples=((_EXAMPLE.upper(), _EXAMPLE), (_EXAMPLE[:-1], None)),
    seen=(({"tls.server.ja3s": _EXAMPLE}, _EXAMPLE),),
)  # fmt: skip
