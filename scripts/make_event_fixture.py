#!/usr/bin/env python3
"""Writes tests/data/events/scalars.tfevents with TensorBoard's own protocol buffers and record writer.

Needs the package `tensorboard`; made with 2.21. The same events are written in tests/experiments/event_file_test.cpp.
"""
import pathlib

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

folder = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "events"
folder.mkdir(parents=True, exist_ok=True)

events = [
    Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    Event(wall_time=1700000001.5, step=3, session_log=SessionLog(status=SessionLog.START)),
    Event(
        wall_time=1700000002.0,
        step=300,
        summary=Summary(
            value=[
                Summary.Value(tag="train/loss", simple_value=0.1),
                Summary.Value(tag="lr", simple_value=0.0),
                Summary.Value(tag="val/" + "x" * 200, simple_value=float("inf")),
            ]
        ),
    ),
]
with open(folder / "scalars.tfevents", "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    writer.flush()
