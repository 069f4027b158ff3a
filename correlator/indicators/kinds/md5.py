"""MD5 of a file (or of a certificate, where a dissector tells it): 32 hexadecimal digits, lower case."""

from __future__ import annotations

from correlator.indicators.kinds._plain import hex_keys, hexadecimal
from correlator.indicators.seam import Kind

_OF_TEXT = "d89973e88d49d3017d0b868b0d202328"

KIND = Kind(
    name="md5",
    tag=5,
    title={"vi": "MD5 của tệp", "en": "MD5 of a file"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000005",
    alert={"vi": "Tệp trong danh sách chỉ dấu xuất hiện", "en": "A listed file was seen"},
    reason={"vi": "Tệp có MD5 {threat.indicator.name} xuất hiện ở {luytre.who} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "A file with MD5 {threat.indicator.name} was seen at {luytre.who} "
                  "(indicator of {threat.indicator.provider})"},
    fields=("file.hash.md5", "process.hash.md5", "process.parent.hash.md5", "dll.hash.md5", "related.hash",
            "winlog.event_data.Hashes"),
    normal=hexadecimal(32),
    keys=hex_keys(32, "md5"),
    guess=8,
    who=("host.name", "winlog.computer_name", "source.ip", "observer.name"),
    tags=("attack.execution",),
    hunted={"winlog.event_data.Hashes": lambda value: f"*MD5={value}*"},
    examples=((f" {_OF_TEXT.upper()} ", _OF_TEXT), (_OF_TEXT[:-1], None), ("z" * 32, None)),
    seen=(
        ({"file.hash.md5": _OF_TEXT}, _OF_TEXT),
        ({"winlog.event_data.Hashes": f"SHA1=00,MD5={_OF_TEXT.upper()}"}, _OF_TEXT),
    ),
)  # fmt: skip
