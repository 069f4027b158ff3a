"""What a rule would have said of the events that are stored: `backtest(…)` → `Report`. See replay.py.

`luytre rules backtest` prints it; an exception is tried against it before it is saved.
"""

from correlator.backtest.choose import Chosen, choose
from correlator.backtest.replay import Limits, backtest
from correlator.backtest.tally import Report, Sample

__all__ = ["Chosen", "Limits", "Report", "Sample", "backtest", "choose"]
