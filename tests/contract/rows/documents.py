from __future__ import annotations

from sqlalchemy import select

from api.documents.model import Body, Paragraph
from api.state.clocks import Document, Organisation
from sensors.clock import rfc3339
from tests.contract.rows import Rows
from tests.servers.people_port import NOW, NodeUnderTest


def make(node: NodeUnderTest, agency: str, words: str) -> dict[str, str]:
    body = Body(
        parent=words, agency=words, symbol="X", place=words, year=2026, subject=words, addressee=words,
        blocks=[Paragraph(text=words)], recipients=[words], signer=words,
    )  # fmt: skip
    with node.runtime.db.write() as session:
        number = len(session.scalars(select(Document.id)).all())
        for period in (None, "2026"):
            number += 1
            session.add(
                Document(
                    id=f"VB-2026-9{number:05d}", agency=agency, period=period or "2025", form_id="yearly", made_at=NOW,
                    body=body.model_dump(mode="json"), made_by=1, made_name=words, number=words[:60], handed_to=words,
                    handed_name=words,
                )
            )  # fmt: skip
        if session.get(Organisation, agency) is None:
            said = {"name": words, "parent": words, "recipients": [words]}
            session.add(Organisation(agency=agency, body=said, changed_at=NOW, changed_name=words))
    return {"document_id": f"VB-2026-9{number:05d}"}


ROWS = Rows(
    {
        ("GET", "/document-forms"): ("", None, 200),
        ("GET", "/incidents/{incident_id}/documents"): ("", None, 200),
        ("POST", "/incidents/{incident_id}/particulars"): ("", {"description": "x"}, 200),
        ("POST", "/incidents/{incident_id}/documents"): ("", {"form_id": "first"}, 201),
        ("GET", "/yearly-documents"): ("", None, 200),
        ("POST", "/yearly-documents"): ("", {"agency": "{agency}", "year": 2026}, 201),
        ("GET", "/documents/{document_id}/file"): ("?format=docx", None, 200),
        ("POST", "/documents/{document_id}/handover"): ("", {"at": rfc3339(NOW), "number": "21/BC"}, 200),
        ("GET", "/organisations"): ("", None, 200),
        ("POST", "/organisations/{agency}"): ("", {"name": "Sở", "place": "Hà Nội"}, 200),
    },
    make,
    named_in_body=frozenset({("POST", "/yearly-documents")}),
)
