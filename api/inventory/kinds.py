"""Kinds of systems and of assets, as data with both languages.

Kinds of systems follow what the public administration runs: the shared platforms named in Decree 47/2024 and Decision
942/QĐ-TTg (document interchange, data-sharing platform), Decree 107/2021 (procedures), Decree 69/2024 (eID).
A kind in the database that is no longer here is shown by its code and kept.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    vi: str
    en: str


KINDS: dict[str, Kind] = {
    "interchange": Kind("Trục liên thông văn bản", "Document interchange"),
    "sharing": Kind("Nền tảng chia sẻ, tích hợp dữ liệu (LGSP/NGSP)", "Data-sharing platform (LGSP/NGSP)"),
    "services": Kind("Cổng dịch vụ công", "Public service portal"),
    "procedures": Kind("Hệ thống thông tin giải quyết TTHC", "Administrative-procedure system"),
    "eid": Kind("Định danh và xác thực điện tử", "Electronic identification"),
    "database": Kind("Cơ sở dữ liệu quốc gia, chuyên ngành", "National or sectoral database"),
    "mail": Kind("Thư điện tử công vụ", "Official mail"),
    "wan": Kind("Mạng truyền số liệu chuyên dùng, mạng diện rộng", "Wide-area network"),
    "portal": Kind("Cổng, trang thông tin điện tử", "Web portal"),
    "other": Kind("Hệ thống khác", "Other"),
}
ASSET_KINDS: dict[str, Kind] = {
    "server": Kind("Máy chủ", "Server"),
    "virtual": Kind("Máy chủ ảo", "Virtual machine"),
    "workstation": Kind("Máy trạm", "Workstation"),
    "network": Kind("Thiết bị mạng", "Network device"),
    "security": Kind("Thiết bị bảo mật", "Security device"),
    "storage": Kind("Thiết bị lưu trữ", "Storage"),
    "other": Kind("Thiết bị khác", "Other device"),
}
GRADES = (1, 2, 3, 4, 5)
