"""LT-D0701: for how many days each certificate of this machine is good, and whether it is what it should be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from api.config import ApiTable
from api.node.checks import Check, Finding, Fix, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine

BAD_DAYS = 3
# A third of a life is left when it should have been renewed; half of that is a renewal that fails.
NOTE_SHARE = 1 / 6


def look(machine: Machine) -> Iterator[Finding]:
    from cryptography import x509

    api = machine.table("api", ApiTable)
    wanted = [
        (machine.keys / name, "")
        for name in ("ca.pem", "machine.pem", "sensor.pem", "correlator.pem", "node.pem", "upstream-ca.pem")
    ]
    if api.people_certificate:
        wanted.append((Path(api.people_certificate), "api.people_certificate"))
    now, soonest, count = machine.clock.now(), None, 0
    ca = _load(machine.keys / "ca.pem")
    for path, key in wanted:
        if not path.exists():
            if key:
                yield bad(
                    "no-certificate",
                    f"[{key}] không có tệp {path}",
                    f"[{key}] there is no {path}",
                    do(f"Sửa `{key}`", f"Mend `{key}`"),
                    path=str(path),
                )
            continue
        try:
            found = x509.load_pem_x509_certificate(path.read_bytes())
        except (OSError, ValueError) as error:
            yield bad(
                "certificate-unreadable",
                f"{path.name}: không đọc được ({type(error).__name__})",
                f"{path.name}: cannot be read ({type(error).__name__})",
                *_mend(machine, path.name),
                path=str(path),
            )
            continue
        start, end = found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
        days = (end - now) / 86_400
        measured = {"certificate": path.name, "days": round(days, 1)}
        count += 1
        soonest = days if soonest is None else min(soonest, days)
        if now < start:
            yield bad(
                "not-yet-valid",
                f"{path.name}: chưa tới ngày hiệu lực (giờ máy này chậm?)",
                f"{path.name}: not valid yet (is this clock behind?)",
                run("date -u"),
                **measured,
            )
        elif days <= 0:
            yield bad(
                "expired",
                f"{path.name}: hết hạn {-days:.0f} ngày trước",
                f"{path.name}: expired {-days:.0f} days ago",
                *_mend(machine, path.name),
                **measured,
            )
        elif days < BAD_DAYS:
            yield bad(
                "expires",
                f"{path.name}: còn {days:.1f} ngày",
                f"{path.name}: {days:.1f} days left",
                *_mend(machine, path.name),
                **measured,
            )
        elif end - now < (end - start) * NOTE_SHARE:
            yield note(
                "expires",
                f"{path.name}: còn {days:.0f} ngày, chưa tự gia hạn được",
                f"{path.name}: {days:.0f} days left, renewal has not worked",
                *_mend(machine, path.name),
                **measured,
            )
        if ca is not None and path.parent == machine.keys and path.name in ("sensor.pem", "machine.pem"):
            try:
                found.verify_directly_issued_by(ca)
            except Exception:
                yield bad(
                    "other-ca",
                    f"{path.name} không do ca.pem ở đây cấp",
                    f"{path.name} was not issued by the ca.pem that is here",
                    *_mend(machine, path.name),
                    **measured,
                )
    if count == 0:
        yield skipped("none", "máy này chưa có chứng thư", "this machine has no certificate yet")
    elif soonest is not None and soonest >= BAD_DAYS:
        yield ok(
            f"{count} chứng thư, gần hết hạn nhất còn {soonest:.0f} ngày",
            f"{count} certificates, the first ends in {soonest:.0f} days",
            count=count,
            soonest_days=round(soonest, 1),
        )


def _load(path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202  # cryptography is imported late
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _mend(machine: Machine, name: str) -> tuple[Fix, ...]:
    if name in ("sensor.pem", "ca.pem") and machine.is_sensor:
        return (
            do(
                "Xin mã mới ở nút (luytre enrol token …) rồi chạy dòng nó in ra",
                "Ask the node for a token (luytre enrol token …), then run the line it prints",
            ),
        )
    if name in ("node.pem", "upstream-ca.pem"):
        return (
            do(
                "Xin mã mới ở trung tâm (luytre enrol token --role node …) rồi luytre enrol upstream …",
                "Ask the centre for a token (luytre enrol token --role node …), then luytre enrol upstream …",
            ),
        )
    if name == "ca.pem":
        return (
            do(
                "CA của nút phải được phục hồi từ bản sao lưu cùng ca.key",
                "The node's CA must be restored from a backup, with ca.key",
            ),
        )
    if name in ("machine.pem", "sensor.pem", "correlator.pem"):
        # `luytre init` makes anew what is missing or near its end, as every start of the node does.
        return (run(f"mv {machine.keys / name} {machine.keys / (name + '.old')}"), run(machine.restart()))
    return (do("Xin chứng thư mới nơi đã cấp", "Get a new certificate from its issuer"),)


CHECK = Check(
    "LT-D0701",
    "certificates",
    Words("Thời hạn chứng thư", "Certificates"),
    Words(
        "Số ngày còn lại của CA, chứng thư máy, cảm biến, nút, người dùng; có đúng do CA ở đây cấp không.",
        "Days left of the CA's, this machine's, sensors', node's and people's certificates; and who issued them.",
    ),
    look,
)
