#!/usr/bin/env python3
"""Writes tests/data/torch/: files of torch.save for the tests of our own reader, and expected.json with their tensors.

Needs PyTorch 2. Each file is small; storage keys of the legacy files differ from run to run, everything else is fixed.
"""
import collections
import json
import pathlib
import pickle
import types
import warnings

import torch

warnings.filterwarnings("ignore")
target = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "torch"
target.mkdir(parents=True, exist_ok=True)
DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
          torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}
expected = {}


def flatten(value, name, result):
    for key, item in value.items():
        if isinstance(item, torch.Tensor):
            data = item.detach().contiguous().flatten().view(torch.uint8).tolist()
            result[f"{name}{key}"] = {"dtype": DTYPES[item.dtype], "shape": list(item.shape), "hex": bytes(data).hex()}
        elif isinstance(item, dict):
            flatten(item, f"{name}{key}.", result)
    return result


def save(name, value, **options):
    path = target / name
    torch.save(value, path, **options)
    expected[name] = flatten(torch.load(path, weights_only=options.get("pickle_protocol", 2) == 2), "", {})
    assert expected[name] == flatten(value, "", {}), name


def network():
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3, bias=False), torch.nn.BatchNorm2d(3), torch.nn.Linear(3, 2))
    model(torch.randn(2, 2, 3, 5))  # moves the statistics and their counter
    return model


def types_and_views():
    base = torch.arange(24, dtype=torch.float32) / 8 - 1
    matrix = base.view(4, 6)
    return {
        "f64": torch.tensor([1e300, -0.0], dtype=torch.float64),
        "f16": torch.tensor([1.0, -2.0, 65504.0], dtype=torch.float16),
        "bf16": torch.tensor([[1.5], [-3.0]], dtype=torch.bfloat16),
        "i64": torch.tensor([2**40 + 1, -(2**63)], dtype=torch.int64),
        "i32": torch.tensor([-(2**31), 7], dtype=torch.int32),
        "i16": torch.tensor([-300, 300], dtype=torch.int16),
        "i8": torch.tensor([-128, 127], dtype=torch.int8),
        "u8": torch.arange(5, dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "parameter": torch.nn.Parameter(torch.tensor([0.25, -0.25])),
        "shared.matrix": matrix,
        "shared.transposed": matrix.t(),
        "shared.columns": matrix[:, 1:5:2],
        "shared.last_row": matrix[3],
        "shared.cube": base.view(2, 3, 4).permute(2, 0, 1)[1:],
        "repeated": torch.tensor([3.0, 4.0])[:, None].expand(2, 3),
        "channels_last": torch.arange(24, dtype=torch.int16).view(1, 2, 3, 4).to(memory_format=torch.channels_last),
    }


def checkpoint(model):
    parallel = torch.nn.DataParallel(model)
    optimizer = torch.optim.SGD(parallel.parameters(), lr=0.1, momentum=0.9)
    for parameter in parallel.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    optimizer.step()
    return {"epoch": 3, "arch": "tiny", "best": 71.25, "none": None, "done": False, "size": torch.Size([2, 3]),
            "state_dict": parallel.state_dict(), "optimizer": optimizer.state_dict(), "losses": [2.5, 2.25],
            "seed": 2**70}


class OldPickler(pickle._Pickler):
    """Writes tensors and parameters with the names of PyTorch before 0.4, as in torchvision's first networks."""

    def reducer_override(self, value):
        if isinstance(value, torch.nn.Parameter):
            state = (value.requires_grad, False, collections.OrderedDict())
            return torch.nn.parameter.Parameter, (value.data,), state
        if isinstance(value, torch.Tensor):
            arguments = (value.storage(), value.storage_offset(), tuple(value.size()), value.stride())
            return torch._utils._rebuild_tensor, arguments
        return NotImplemented


model = network()
save("ordered.pth", model.state_dict())
save("types.pth", types_and_views())
save("protocol4.pth", types_and_views(), pickle_protocol=4)
save("checkpoint.pth", checkpoint(network()))
scheduler = torch.optim.lr_scheduler.MultiStepLR(torch.optim.SGD(model.parameters(), lr=0.1), [3, 5])
save("scheduler.pth", {"state_dict": model.state_dict(), "scheduler": scheduler.state_dict()})  # holds a Counter
save("legacy_types.pth", types_and_views(), _use_new_zipfile_serialization=False)
save("legacy_checkpoint.pth", checkpoint(network()), _use_new_zipfile_serialization=False)
old = collections.OrderedDict(model.state_dict(keep_vars=True))
old.pop("1.num_batches_tracked")
old_pickle = types.ModuleType("old_pickle")
old_pickle.Pickler = OldPickler
old_pickle.dump = lambda value, file, protocol: OldPickler(file, protocol).dump(value)
save("legacy_old.pth", old, _use_new_zipfile_serialization=False, pickle_module=old_pickle)
# Refused: a whole module. The legacy format would add the text and path of its source.
torch.save(torch.nn.Linear(2, 1), target / "module.pth")
torch.serialization.get_source_lines_and_file = lambda *_: (_ for _ in ()).throw(OSError("left out"))
torch.save(torch.nn.Linear(2, 1), target / "legacy_module.pth", _use_new_zipfile_serialization=False)

lines = ",\n".join(f"{json.dumps(name)}: {{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in t.items()) +
                   "\n}" for name, t in expected.items())
(target / "expected.json").write_text("{\n" + lines + "\n}\n")
for path in sorted(target.iterdir()):
    print(path.name, path.stat().st_size, "bytes")
    assert path.stat().st_size < 20_000
