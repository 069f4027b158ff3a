"""SHA256 of a file (or of a certificate, where a dissector tells it): 64 hexadecimal digits, lower case."""

from __future__ import annotations

from correlator.indicators.kinds._plain import hex_keys, hexadecimal
from correlator.indicators.seam import Kind

_OF_TEXT = "ac5e8b5c027224cd81b934cfc5c3a755f2985c001bf212c1acbd3c539734bddf"

KIND = Kind(
    name="sha256",
    tag=7,
    title={"vi": "SHA256 của tệp", "en": "SHA256 of a file"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000007",
    alert={"vi": "Tệp trong danh sách chỉ dấu xuất hiện", "en": "A listed file was seen"},
    reason={"vi": "Tệp có SHA256 {threat.indicator.name} xuất hiện ở {luytre.who} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "A file with SHA256 {threat.indicator.name} was seen at {luytre.who} "
                  "(indicator of {threat.indicator.provider})"},
    fields=("file.hash.sha256", "process.hash.sha256", "process.parent.hash.sha256", "dll.hash.sha256", "related.hash",
            "winlog.event_data.Hashes", "tls.server.hash.sha256"),
    normal=hexadecimal(64),
    keys=hex_keys(64, "sha256"),
    guess=6,
    who=("host.name", "winlog.computer_name", "source.ip", "observer.name"),
    tags=("attack.execution",),
    hunted={"winlog.event_data.Hashes": lambda value: f"*SHA256={value}*"},
    examples=((f" {_OF_TEXT.upper()} ", _OF_TEXT), (_OF_TEXT[:-1], None), ("z" * 64, None)),
    seen=(
        ({"file.hash.sha256": _OF_TEXT}, _OF_TEXT),
        ({"winlog.event_data.Hashes": f"SHA1=00,SHA256={_OF_TEXT.upper()}"}, _OF_TEXT),
    ),
)  # fmt: skip
