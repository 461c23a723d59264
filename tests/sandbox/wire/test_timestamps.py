"""Timestamp formats."""

from awbridge.sandbox.wire import timestamps


def test_every_timestamp_format_denotes_the_same_second() -> None:
    at = 1_667_226_376
    assert timestamps.spaced(at) == "2022-10-31 19:56:16"
    assert timestamps.with_t(at) == "2022-10-31T19:56:16.000"
    assert timestamps.false_z(at) == "2022-10-31T19:56:16Z"
    assert timestamps.false_z_micros(at) == "2022-10-31T19:56:16.000000Z"
    assert timestamps.stray_spaces(at) == "2022-10-31T19: 56: 16Z"
    assert timestamps.utc_naive(at) == "2022-10-31 14:26:16"
    assert timestamps.utc_z(at + 0.5) == "2022-10-31T14:26:16.500000Z"
    assert timestamps.iso_utc(at) == "2022-10-31T14:26:16+00:00"
