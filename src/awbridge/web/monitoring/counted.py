"""The counters and histograms of this process, as Prometheus' client renders them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

import awbridge
from awbridge.steps.runtime.meters import DURATIONS, METERS, Durations, Meter
from awbridge.web.monitoring.metric_list import BUILD_INFO


class Counted(Collector):
    """Collects what the process has counted."""

    def __init__(self, meters: Sequence[Meter] = METERS, durations: Sequence[Durations] = DURATIONS) -> None:
        self._meters = meters
        self._durations = durations

    def collect(self) -> Iterable[Metric]:
        """All of them, with their current values."""
        yield BUILD_INFO.by({awbridge.__version__: 1})
        for meter in self._meters:
            counter = CounterMetricFamily(meter.name, meter.text, labels=meter.labels)
            for values, number in meter.values.items():
                counter.add_metric(values, number)
            yield counter
        for durations in self._durations:
            histogram = HistogramMetricFamily(durations.name, durations.text, labels=durations.labels)
            bounds = [*map(str, durations.bounds), "+Inf"]
            for values, buckets in durations.buckets.items():
                cumulated = list(zip(bounds, accumulate(buckets), strict=True))
                histogram.add_metric(values, cumulated, durations.sums[values])
            yield histogram
