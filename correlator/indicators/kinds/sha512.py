"""SHA512 of a file (or of a certificate, where a dissector tells it): 128 hexadecimal digits, lower case."""

from __future__ import annotations

from correlator.indicators.kinds._plain import hex_keys, hexadecimal
from correlator.indicators.seam import Kind

KIND = Kind(
    name="sha512",
    tag=8,
    title={"vi": "SHA512 của tệp", "en": "SHA512 of a file"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000008",
    alert={"vi": "Tệp trong danh sách chỉ dấu xuất hiện", "en": "A listed file was seen"},
    reason={"vi": "Tệp có SHA512 {threat.indicator.name} xuất hiện ở {luytre.who} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "A file with SHA512 {threat.indicator.name} was seen at {luytre.who} "
                  "(indicator of {threat.indicator.provider})"},
    fields=("file.hash.sha512", "process.hash.sha512", "process.parent.hash.sha512", "dll.hash.sha512", "related.hash",
            "winlog.event_data.Hashes"),
    normal=hexadecimal(128),
    keys=hex_keys(128, "sha512"),
    guess=9,
    who=("host.name", "winlog.computer_name", "source.ip", "observer.name"),
    tags=("attack.execution",),
    hunted={"winlog.event_data.Hashes": lambda value: f"*SHA512={value}*"},
    examples=((" " + "AB" * 64 + " ", "ab" * 64), ("ab" * 63, None), ("zz" * 64, None)),
    seen=(
        ({"file.hash.sha512": "ab" * 64}, "ab" * 64),
        ({"winlog.event_data.Hashes": "SHA1=0000000000000000000000000000000000000000,SHA512=" + "AB" * 64}, "ab" * 64),
    ),
)  # fmt: skip
