"""The slow twin of api/services/judge.py and minutes.py: it knows the whole sequence and looks ahead.

Each result holds until the next one unless silence lies between; what it holds is settled by its successor: a result
that differs from the state stands when the next one says the same, and is only a moment otherwise. The last result of
an unsettled kind is not told. Then every second is asked which minute it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence

from api.services.judge import Result
from api.services.minutes import NOBODY, ORDER


def minutes_of(results: Sequence[Result], reach: float) -> dict[int, str]:
    marks: list[str | None] = []
    state, index = ".", 0
    while index < len(results):
        one = results[index]
        if one.mark == state or (state == "." and one.mark != "d"):
            state = one.mark
            marks.append(state)
            index += 1
            continue
        after = results[index + 1] if index + 1 < len(results) else None
        silence = after is not None and after.at - one.at > reach
        agrees = after is not None and (after.mark == one.mark or (state == "d" and after.mark != "d"))
        if after is None:
            marks.append(None)
            index += 1
        elif silence or not agrees:
            marks.append("?" if one.mark == "d" else "d" if state == "d" else one.mark)
            index += 1
        else:
            state = after.mark
            marks += [state, state]
            index += 2
    hours: dict[int, list[str]] = {}

    def touch(second: int, mark: str) -> None:
        row = hours.setdefault(second // 3600, list(NOBODY))
        minute = second % 3600 // 60
        if ORDER.index(mark) > ORDER.index(row[minute]):
            row[minute] = mark

    for here, (one, mark) in enumerate(zip(results, marks, strict=True)):
        if mark is None:
            continue
        after = results[here + 1] if here + 1 < len(results) else None
        whole = after is not None and after.at - one.at <= reach
        until = int(after.at) if after is not None and whole else int(one.at)
        for second in range(int(one.at), until):
            touch(second, mark)
        if mark != "?" or until == int(one.at):
            touch(int(one.at), mark)
    return {hour: "".join(row) for hour, row in hours.items()}
