"""The thresholds that metrics are measured with; they are defined where the configuration can hold them."""

from cc_voice.thresholds import SITE_SET, QueueThresholds, ThresholdSet, for_queue

__all__ = ["SITE_SET", "QueueThresholds", "ThresholdSet", "for_queue"]
