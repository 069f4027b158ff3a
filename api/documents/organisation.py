"""What an agency is called on paper: head, foot, addressees, focal point. Settings of the agency, edited over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from api.shapes import In, Line
from api.state.clocks import Organisation
from api.state.people import Agency

Short = Annotated[Line, Field(max_length=200)]


class OrganisationIn(In):
    name: Short = ""  # tên cơ quan ban hành; empty: as the agency is called on this node
    parent: Short = ""  # cơ quan chủ quản trực tiếp, in full
    symbol: Annotated[Line, Field(max_length=32)] = ""  # viết tắt, in số/ký hiệu: "SKHCN"
    place: Annotated[Line, Field(max_length=64)] = ""  # địa danh
    address: Short = ""
    focal: Short = ""  # đầu mối: a role rather than a person's name
    phone: Annotated[Line, Field(max_length=64)] = ""
    email: Annotated[Line, Field(max_length=128)] = ""
    contact: Short = ""  # liên hệ 24/7
    owner: Short = ""  # chủ quản hệ thống thông tin
    addressee: Short = ""  # Kính gửi
    capacity: Annotated[Line, Field(max_length=64)] = ""  # "KT. GIÁM ĐỐC"
    signer: Annotated[Line, Field(max_length=64)] = ""  # "PHÓ GIÁM ĐỐC"
    recipients: Annotated[list[Short], Field(max_length=12)] = Field(default_factory=list)  # Nơi nhận, without "Lưu"


def of_agency(session: Session, agency: str) -> OrganisationIn:
    """The settings, or what this node knows without them."""
    row = session.get(Organisation, agency)
    said = OrganisationIn.model_validate(row.body) if row is not None else OrganisationIn()
    known = session.get(Agency, agency)
    return said.model_copy(update={"name": said.name or (known.name if known else "") or agency})


def missing(said: OrganisationIn) -> list[str]:
    """What a document needs and nobody has said yet."""
    return [key for key in ("parent", "symbol", "place", "address", "focal", "signer") if not getattr(said, key)]
