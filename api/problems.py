"""Errors over HTTP: RFC 9457 problem documents, in the user's language, each with a code of ours.

Out: `Problem` (raise it anywhere under a request), and `install(app)`, which turns every error, FastAPI's own included,
into `application/problem+json`: {type, title, status, detail, code, instance, errors?}. A 500 says a code and nothing
of the inside; the trace goes to our log under the same `instance`.
The table TEXTS holds every code's words in both languages; a test walks it.
Source: https://www.rfc-editor.org/rfc/rfc9457.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from sensors.errors import LuytreError, Unavailable

# code: (status, (vi title, vi detail), (en title, en detail))
TEXTS: dict[str, tuple[int, tuple[str, str], tuple[str, str]]] = {
    "LT-A0400": (400, ("Yêu cầu không hợp lệ", "Máy chủ không hiểu yêu cầu này."),
                 ("Bad request", "The server cannot understand this request.")),
    "LT-A0401": (401, ("Chưa đăng nhập", "Phiên làm việc không có hoặc đã hết hạn. Vui lòng đăng nhập lại."),
                 ("Not signed in", "There is no session, or it has ended. Please sign in again.")),
    "LT-A0402": (401, ("Đăng nhập không thành công", "Tên đăng nhập hoặc mật khẩu không đúng."),
                 ("Sign-in failed", "The user name or the password is wrong.")),
    "LT-A0403": (403, ("Không có quyền", "Tài khoản không có quyền thực hiện việc này."),
                 ("Not allowed", "This account may not do that.")),
    "LT-A0404": (404, ("Không tìm thấy", "Không có mục này, hoặc mục nằm ngoài phạm vi được giao."),
                 ("Not found", "There is no such item, or it lies outside your scope.")),
    "LT-A0405": (405, ("Phương thức không được hỗ trợ", "Địa chỉ này không nhận phương thức đã dùng."),
                 ("Method not allowed", "This address does not take that method.")),
    "LT-A0406": (403, ("Yêu cầu bị từ chối", "Yêu cầu ghi phải đến từ chính trang này và mang mã X-CSRF-Token."),
                 ("Request refused", "A write must come from this site and carry its X-CSRF-Token.")),
    "LT-A0407": (401, ("Liên kết không dùng được", "Liên kết đăng nhập đã dùng hoặc đã hết hạn."),
                 ("Link not usable", "The log-in link was used before or has ended.")),
    "LT-A0409": (409, ("Trạng thái không cho phép", "Việc này không thực hiện được ở trạng thái hiện tại."),
                 ("Not in this state", "The item's present state does not allow that.")),
    "LT-A0410": (403, ("Cần xác nhận lại", "Việc này cần xác nhận lại người thực hiện trong 5 phút gần đây."),
                 ("Confirm it is you", "This needs you to have confirmed who you are within the last 5 minutes.")),
    "LT-A0411": (401, ("Mã không đúng", "Mã không đúng, đã được dùng, hoặc đã hết hạn."),
                 ("Code not accepted", "The code is wrong, was used before, or has ended.")),
    "LT-A0414": (401, ("Bước đăng nhập đã hết hạn", "Vui lòng đăng nhập lại từ đầu."),
                 ("Sign-in step has ended", "Please sign in again from the start.")),
    "LT-A0415": (403, ("Vượt quá quyền của người thực hiện",
                       "Chỉ được trao, thu hồi hoặc thay đổi trong phạm vi quyền của chính mình."),
                 ("Above your own rights", "You can give, take away or change only what lies within your own rights.")),
    "LT-A0416": (401, ("Khóa đăng nhập không được chấp nhận",
                       "Trình duyệt không xác nhận được khóa này cho địa chỉ này."),
                 ("Passkey not accepted", "The passkey could not be verified for this address.")),
    "LT-A0417": (401, ("Đăng nhập qua nhà cung cấp không thành công",
                       "Nhà cung cấp danh tính không xác nhận đăng nhập."),
                 ("Sign-in by the provider failed", "The identity provider did not confirm the sign-in.")),
    "LT-A0412": (412, ("Dữ liệu đã thay đổi", "Người khác vừa sửa mục này. Tải lại rồi thử lần nữa."),
                 ("Changed meanwhile", "Someone else has just changed this item. Reload and try again.")),
    "LT-A0413": (413, ("Yêu cầu quá lớn", "Nội dung vượt quá giới hạn cho phép."),
                 ("Too large", "The body is over the limit.")),
    "LT-A0422": (422, ("Dữ liệu chưa hợp lệ", "Kiểm tra lại các trường được nêu."),
                 ("Not valid", "Check the fields that are named.")),
    "LT-A0423": (422, ("Mật khẩu chưa đạt", "Mật khẩu cần ít nhất 15 ký tự và không được dễ đoán."),
                 ("Password not accepted", "A password needs at least 15 characters and must not be easy to guess.")),
    "LT-A0424": (400, ("Câu truy vấn chưa đúng", "Câu truy vấn có lỗi tại vị trí được nêu."),
                 ("Query not understood", "The query has an error at the position named.")),
    "LT-A0429": (429, ("Thử lại sau", "Có quá nhiều lần thử. Vui lòng chờ rồi thử lại."),
                 ("Try again later", "Too many tries. Please wait and try again.")),
    "LT-A0500": (500, ("Lỗi hệ thống", "Máy chủ gặp lỗi; sự việc đã được ghi lại."),
                 ("System error", "The server met an error; it has been recorded.")),
    "LT-A0503": (503, ("Tạm thời chưa phục vụ được", "Một thành phần chưa trả lời. Vui lòng thử lại sau giây lát."),
                 ("Not available just now", "A part does not answer. Please try again in a moment.")),
    "LT-A0510": (503, ("Máy chủ thiếu phông chữ",
                       "Thiếu phông Times New Roman hoặc Tinos nên chưa tạo được PDF: cài gói fonts-croscore."),
                 ("The server lacks a font",
                  "No PDF without Times New Roman or Tinos: install the package fonts-croscore and try again.")),
}  # fmt: skip

_BY_STATUS = {400: "LT-A0400", 401: "LT-A0401", 403: "LT-A0403", 404: "LT-A0404", 405: "LT-A0405", 413: "LT-A0413",
              422: "LT-A0422", 429: "LT-A0429", 503: "LT-A0503"}  # fmt: skip


class Problem(Exception):
    """`detail` is (vi, en) and replaces the table's; `errors` name fields; `more` are extension members."""

    def __init__(
        self,
        code: str,
        detail: tuple[str, str] | None = None,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.errors, self.headers, self.more = code, detail, errors, headers, more

    @property
    def status(self) -> int:
        return TEXTS[self.code][0]


def not_found() -> Problem:
    """For what does not exist and for what lies outside the scope: the answers are the same bytes."""
    return Problem("LT-A0404")


def language_of(request: Request) -> str:
    """The signed-in user's language, else what the browser asks for, else the node's."""
    chosen = getattr(request.state, "language", None)
    if chosen in ("vi", "en"):
        return str(chosen)
    for part in request.headers.get("accept-language", "").split(","):
        word = part.split(";")[0].strip().lower()[:2]
        if word in ("vi", "en"):
            return word
    node = getattr(request.app.state, "node", None)
    return node.node.language if node is not None and node.node.language in ("vi", "en") else "vi"


def answer(request: Request, problem: Problem) -> JSONResponse:
    status, vi, en = TEXTS[problem.code]
    language = language_of(request)
    title, detail = vi if language == "vi" else en
    if problem.detail:
        detail = problem.detail[0 if language == "vi" else 1]
    body: dict[str, Any] = {
        "type": f"urn:luytre:problem:{problem.code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": problem.code,
        "instance": f"urn:luytre:request:{secrets.token_hex(8)}",
    }
    if problem.errors:
        body["errors"] = [dict(error) for error in problem.errors]
    body |= problem.more
    headers = {"Content-Language": language, "Cache-Control": "no-store", **(problem.headers or {})}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


_DOCUMENT: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457: what went wrong, in the reader's language, with a code of ours.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string"}, "code": {"type": "string", "pattern": "^LT-[A-Z][0-9]{4}$"},
        "instance": {"type": "string"}, "errors": {"type": "array", "items": {"type": "object"}},
    },
}  # fmt: skip


def describe(schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with what every operation may answer instead: a problem."""
    kinds = schema.setdefault("components", {}).setdefault("schemas", {})
    kinds["Problem"] = _DOCUMENT
    said = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in schema.get("paths", {}).values():
        for operation in path.values():
            operation["responses"].pop("422", None)  # FastAPI's own shape, which is never sent
            operation["responses"]["default"] = {"description": "Problem (RFC 9457)", "content": said}
    for unused in ("HTTPValidationError", "ValidationError"):
        kinds.pop(unused, None)
    return schema


def install(app: FastAPI) -> None:
    made = app.openapi
    app.openapi = lambda: describe(made())  # type: ignore[method-assign]

    @app.exception_handler(Problem)
    def _problem(request: Request, problem: Problem) -> JSONResponse:
        return answer(request, problem)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        code = _BY_STATUS.get(error.status_code, "LT-A0400" if error.status_code < 500 else "LT-A0500")
        return answer(request, Problem(code, headers=error.headers))

    @app.exception_handler(RequestValidationError)
    def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
        # The input itself is left out: a password typed into a wrong field must not come back or be logged.
        errors = [
            {"field": ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0]), "message": found["msg"]}
            for found in error.errors()[:50]
        ]
        return answer(request, Problem("LT-A0422", errors=errors))

    @app.exception_handler(PoolTimeout)
    @app.exception_handler(Unavailable)
    def _busy(request: Request, error: Exception) -> JSONResponse:
        _log(request, "unavailable", error)
        return answer(request, Problem("LT-A0503", headers={"Retry-After": "2"}))

    @app.exception_handler(LuytreError)
    @app.exception_handler(Exception)
    def _unexpected(request: Request, error: Exception) -> JSONResponse:
        reply = answer(request, Problem("LT-A0500"))
        _log(request, "unhandled error", error, exc_info=error)
        return reply


def _log(request: Request, what: str, error: Exception, **more: Any) -> None:
    node = getattr(request.app.state, "node", None)
    if node is not None:
        # The path template, never the query or the body: they may carry what must not be in a log.
        node.log.error(what, method=request.method, path=request.url.path, error=type(error).__name__, **more)
