"""What casework refuses, as values that the HTTP edge turns into problems (404, 409, 412, 422)."""

from __future__ import annotations


class CaseError(Exception):
    pass


class Unseen(CaseError):
    """No such object, or outside the scope: nobody learns which."""


class WrongState(CaseError):
    """The act does not fit the present state. `vi`/`en` say why."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi, self.en = vi, en


class Stale(CaseError):
    """The caller saw an older revision."""

    def __init__(self, revision: int) -> None:
        super().__init__(str(revision))
        self.revision = revision


class Invalid(CaseError):
    def __init__(self, field: str, vi: str, en: str) -> None:
        super().__init__(f"{field}: {en}")
        self.field, self.vi, self.en = field, vi, en
