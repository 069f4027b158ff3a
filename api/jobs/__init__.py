"""The scheduler: jobs declared in code, one file each; their last runs are rows (`job_run`).

`JOB = Job(every_s, run)` in a module of this folder is found by the registry. APScheduler 3.11 with its memory store
drives them (its SQL store pickles); a job that is still running is not started again, and one that fails is written
down and tried at its next time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sensors.registry import find


@dataclass(frozen=True, slots=True)
class Job:
    every_s: float
    run: Callable[[Any], str]  # takes the Runtime, returns what was done in a few words ("" = nothing to say)
    first_s: float | None = None  # how soon after the start; default: every_s


def all_jobs() -> dict[str, Job]:
    return find(sys.modules[__name__], "JOB", Job)
