-- What a run with trace_weights records beside its metrics: sampled weights over the training, and histograms of the
-- trained tensors.
CREATE TABLE weight_traces (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  layer TEXT NOT NULL,
  weight INTEGER NOT NULL,             -- flat index in the layer's weight, row-major
  step INTEGER NOT NULL,               -- updates done
  epoch REAL NOT NULL,                 -- the same in epochs
  value REAL,                          -- the quantized weight
  trained TEXT NOT NULL,               -- JSON object: value of this element in each trained tensor
  PRIMARY KEY (run, layer, weight, step)
) WITHOUT ROWID;

CREATE TABLE weight_histograms (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,              -- 0: before the first update
  layer TEXT NOT NULL,
  tensor TEXT NOT NULL,
  low REAL NOT NULL,
  high REAL NOT NULL,
  counts TEXT NOT NULL,                -- JSON array: equal bins from low to high
  PRIMARY KEY (run, epoch, layer, tensor)
) WITHOUT ROWID;
