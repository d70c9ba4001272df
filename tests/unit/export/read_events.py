"""Reads an event folder with the tensorboard package and prints what it found as JSON. Usage: read_events.py FOLDER"""
import json
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, STORE_EVERYTHING_SIZE_GUIDANCE
except ImportError:
    sys.exit(77)

events = EventAccumulator(sys.argv[1], size_guidance=STORE_EVERYTHING_SIZE_GUIDANCE)
events.Reload()
tags = events.Tags()
print(json.dumps({
    "scalars": {tag: [[e.wall_time, e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
    "histograms": {
        tag: [[e.step, e.histogram_value.min, e.histogram_value.max, e.histogram_value.num, e.histogram_value.sum,
               e.histogram_value.bucket_limit, e.histogram_value.bucket] for e in events.Histograms(tag)]
        for tag in tags["histograms"]},
}))
