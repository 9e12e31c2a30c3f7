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

-- Statistics of the weights are metrics of the split `weights` from here on; they have none of these columns.
DROP VIEW epochs;
CREATE VIEW epochs AS
SELECT run, epoch, split,
  max(value) FILTER (WHERE name = 'loss') AS loss,
  max(value) FILTER (WHERE name = 'top1') AS top1,
  max(value) FILTER (WHERE name = 'top5') AS top5,
  max(value) FILTER (WHERE name = 'lr') AS lr,
  max(value) FILTER (WHERE name = 'images_per_second') AS images_per_second
FROM metrics
WHERE split <> 'weights'
GROUP BY run, epoch, split;
