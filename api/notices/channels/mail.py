"""Mail by SMTP: STARTTLS or TLS from the first byte, the server's certificate verified, AUTH only inside TLS.

In:  host, port, tls, from, to, user; the password as the secret. Out: the server's reply to the end of the data.
The Message-ID is the sending's uid: a mail that was taken before a crash and goes out again is the same mail.
Headers are ASCII or encoded words made by `email`; nothing of an event's content gets there.
Source: RFC 5321, 3207, 8314, 4954, 5322.
"""

from __future__ import annotations

import base64
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.notices.channels import Egress, Kind, Message, Refused
from api.notices.words import MAIL_ADDRESS

Mailbox = Annotated[str, Field(max_length=254, pattern=MAIL_ADDRESS)]


def _host(text: str) -> str:
    text = text.strip().rstrip(".")
    if not text or any(char in text for char in "/@?#\\ \t\r\n"):
        raise ValueError("a host name or address")
    return text


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    host: Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_host)]
    port: int = Field(587, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"  # none: only without a password, for a relay of one's own
    sender: Mailbox
    to: list[Mailbox] = Field(default_factory=list, max_length=20)
    user: str = Field("", max_length=254, pattern=r"^[^\x00-\x1f\x7f]*$")


def check(settings: Mapping[str, Any], secret: str) -> None:
    if settings["tls"] == "none" and (secret or settings["user"]):
        raise ValueError("tls")
    if bool(settings["user"]) != bool(secret):
        raise ValueError("secret")


class _Smtp(smtplib.SMTP):
    """smtplib's, over a socket that the guard has opened."""

    def __init__(self, egress: Egress, tls: ssl.SSLContext | None, host: str) -> None:
        self._egress, self._tls = egress, tls
        super().__init__(local_hostname="localhost", timeout=egress.timeout_s)
        self._host = host  # the name that STARTTLS verifies

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = self._egress.guard.connect(host, port, self._egress.timeout_s)
        return self._tls.wrap_socket(sock, server_hostname=host) if self._tls else sock


def send(message: Message, settings: Mapping[str, Any], secret: str, egress: Egress) -> str:
    mail = build(message, settings, egress)
    to = [message.to] if message.to else list(settings["to"])
    if not to:
        raise Refused("Kênh thư chưa có người nhận.", "The mail channel has nobody to send to.", permanent=True)
    tls = None if settings["tls"] == "none" else ssl.create_default_context()
    if tls and egress.ca:
        tls.load_verify_locations(cafile=str(egress.ca))
    smtp = _Smtp(egress, tls if settings["tls"] == "tls" else None, settings["host"])
    try:
        smtp.connect(settings["host"], settings["port"])
        smtp.ehlo()
        if settings["tls"] == "starttls":
            smtp.starttls(context=tls)  # raises when it is not offered: never on in the clear
            smtp.ehlo()
        if secret:
            _log_in(smtp, settings["user"], secret)
        return _hand_over(smtp, settings["sender"], to, mail)
    except smtplib.SMTPAuthenticationError as error:
        raise Refused(f"Máy chủ thư không nhận tên đăng nhập hoặc mật khẩu ({error.smtp_code}).",
                      f"The mail server does not take the user name or password ({error.smtp_code}).",
                      permanent=True) from None  # fmt: skip
    except smtplib.SMTPRecipientsRefused as error:
        code = max((refusal[0] for refusal in error.recipients.values()), default=550)
        raise Refused(f"Máy chủ thư không nhận địa chỉ người nhận ({code}).",
                      f"The mail server refuses the recipient ({code}).", permanent=code >= 500) from None  # fmt: skip
    except smtplib.SMTPResponseException as error:
        raise Refused(f"Máy chủ thư trả lời {error.smtp_code}.", f"The mail server answered {error.smtp_code}.",
                      permanent=error.smtp_code >= 500) from None  # fmt: skip
    except smtplib.SMTPException as error:
        name = type(error).__name__
        raise Refused(f"Không nói chuyện được với máy chủ thư ({name}).", f"Cannot talk to the mail server ({name}).",
                      permanent=isinstance(error, smtplib.SMTPNotSupportedError)) from None  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            smtp.close()


def _log_in(smtp: smtplib.SMTP, user: str, secret: str) -> None:
    """PLAIN or LOGIN in UTF-8 (RFC 4616): smtplib's own `login` takes ASCII only. We are inside TLS."""
    offered = smtp.esmtp_features.get("auth", "").upper().split()

    def word(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    if "PLAIN" in offered:
        code, reply = smtp.docmd("AUTH", "PLAIN " + word(f"\0{user}\0{secret}"))
    elif "LOGIN" in offered:
        code, reply = smtp.docmd("AUTH", "LOGIN " + word(user))
        if code == 334:
            code, reply = smtp.docmd(word(secret))
    else:
        raise smtplib.SMTPNotSupportedError("AUTH")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, reply)


def _hand_over(smtp: smtplib.SMTP, sender: str, to: list[str], mail: EmailMessage) -> str:
    """MAIL, RCPT, DATA by hand: `sendmail` throws the last reply away, and that is the receipt. Taken for all or none:
    a mail taken for some would go again to those when the others are tried again."""
    code, reply = smtp.mail(sender)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, reply, sender)
    for address in to:
        code, reply = smtp.rcpt(address)
        if code not in (250, 251):
            smtp.rset()
            raise smtplib.SMTPRecipientsRefused({address: (code, reply)})
    code, reply = smtp.data(mail.as_bytes(policy=SMTP))
    if code != 250:
        raise smtplib.SMTPDataError(code, reply)
    with contextlib.suppress(smtplib.SMTPException, OSError):
        smtp.quit()  # it is taken: how the talk ends changes nothing
    return f"{code} {reply.decode('ascii', 'replace')}"[:200]


def build(message: Message, settings: Mapping[str, Any], egress: Egress) -> EmailMessage:
    from datetime import UTC, datetime

    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr(("Lũy Tre", settings["sender"]))
    mail["To"] = message.to or ", ".join(settings["to"])
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.at, UTC))
    mail["Message-ID"] = f"<{message.uid}@{settings['sender'].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail["X-Luytre-Level"] = message.level
    if message.level in ("critical", "high") and not message.over:
        mail["Importance"] = "high"
    mail.set_content(message.text)
    return mail


CHANNEL = Kind(
    settings=Settings,
    shown=lambda s: f"{', '.join(s['to']) or '—'} · {s['host']}:{s['port']}",
    check=check,
    send=send,
    reaches="mail",
    secret_goes_to=("host", "port", "tls", "user"),
)
