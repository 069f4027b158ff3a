"""value_median: the middle of a number field's values over the timespan; of an even number the mean of the two."""

from __future__ import annotations

from correlator.engine.correlate.kinds.value_percentile import Percentile
from correlator.engine.correlate.measure import Kind

KIND = Kind("value_median", Percentile, field=True)
