"""SHA1 of a file (or of a certificate, where a dissector tells it): 40 hexadecimal digits, lower case."""

from __future__ import annotations

from correlator.indicators.kinds._plain import hex_keys, hexadecimal
from correlator.indicators.seam import Kind

_OF_TEXT = "cb8d7cb507115d03f469c3076c25de135df5e557"

KIND = Kind(
    name="sha1",
    tag=6,
    title={"vi": "SHA1 của tệp", "en": "SHA1 of a file"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000006",
    alert={"vi": "Tệp trong danh sách chỉ dấu xuất hiện", "en": "A listed file was seen"},
    reason={"vi": "Tệp có SHA1 {threat.indicator.name} xuất hiện ở {luytre.who} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "A file with SHA1 {threat.indicator.name} was seen at {luytre.who} "
                  "(indicator of {threat.indicator.provider})"},
    fields=("file.hash.sha1", "process.hash.sha1", "process.parent.hash.sha1", "dll.hash.sha1", "related.hash",
            "winlog.event_data.Hashes", "tls.server.hash.sha1"),
    normal=hexadecimal(40),
    keys=hex_keys(40, "sha1"),
    guess=7,
    who=("host.name", "winlog.computer_name", "source.ip", "observer.name"),
    tags=("attack.execution",),
    hunted={"winlog.event_data.Hashes": lambda value: f"*SHA1={value}*"},
    examples=((f" {_OF_TEXT.upper()} ", _OF_TEXT), (_OF_TEXT[:-1], None), ("z" * 40, None)),
    seen=(
        ({"file.hash.sha1": _OF_TEXT}, _OF_TEXT),
        ({"winlog.event_data.Hashes": f"MD5=00,SHA1={_OF_TEXT.upper()}"}, _OF_TEXT),
    ),
)  # fmt: skip
