"""docs/reference/metrics.md: every metric of /metrics with its type, its labels and what it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tools.reference.markdown import code, codes, table

from awbridge.steps.runtime.meters import DURATIONS, METERS, Durations, Meter
from awbridge.web.monitoring.metric_list import METRICS, Count, Listed

_COLUMNS = ("metric", "type", "labels", "meaning")


def page() -> str:
    """What every process reads the same from the database, and what each has of its own."""
    shared = [_listed(metric) for metric in METRICS if not metric.per_process]
    own = [
        *(_listed(metric) for metric in METRICS if metric.per_process),
        *(_meter(meter) for meter in METERS),
        *(_durations(durations) for durations in DURATIONS),
    ]
    return (
        "## Read from the database\n\nThe same from every process: take the maximum.\n\n"
        + table(_COLUMNS, sorted(shared))
        + "## Of each process\n\nAdd counters and histograms up over all processes.\n\n"
        + table(_COLUMNS, sorted(own))
    )


def _listed(metric: Listed) -> tuple[str, ...]:
    labels = {metric.label: metric.values} if metric.label else {}
    if isinstance(metric, Count):
        return code(f"{metric.name}_total"), "counter", _labels(labels), metric.text
    return code(metric.name), "gauge", _labels(labels), metric.text


def _meter(meter: Meter) -> tuple[str, ...]:
    return code(f"{meter.name}_total"), "counter", _labels(meter.label_values), meter.text


def _durations(durations: Durations) -> tuple[str, ...]:
    return code(durations.name), "histogram", _labels(dict.fromkeys(durations.labels, ())), durations.text


def _labels(labels: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(_label(name, values) for name, values in labels.items())


def _label(name: str, values: Iterable[str]) -> str:
    return f"{code(name)}: {codes(values)}" if values else code(name)
