#!/usr/bin/env python3
"""Writes tests/data/python.safetensors with the `safetensors` package, for the tests of our own reader.

Needs `pip install numpy safetensors`. The file is under 2 kB and changes only with this script.
"""
import pathlib

import numpy as np
from safetensors.numpy import save_file

tensors = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3) / 4 - 0.5,
    "doubles": np.array([1e300, -0.0, np.pi]),
    "halves": np.array([1.0, -2.0, 65504.0], dtype=np.float16),
    "counter": np.array(2**40 + 1, dtype=np.int64),
    "small": np.array([-128, 127], dtype=np.int8),
    "bytes": np.arange(5, dtype=np.uint8),
    "mask": np.array([True, False, True]),
    "empty": np.zeros((0, 4), dtype=np.float32),
}
target = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "python.safetensors"
target.parent.mkdir(exist_ok=True)
save_file(tensors, target, metadata={"format": "np", "note": "caf\u00e9"})
print(target, target.stat().st_size, "bytes")
