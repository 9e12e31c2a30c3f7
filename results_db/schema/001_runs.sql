-- One row per run, small on purpose: listing ten thousand runs reads only this table. Large JSON texts are in
-- run_documents. A column that is named like a configuration key holds that key's value.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uid TEXT NOT NULL UNIQUE,            -- random hexadecimal; the same run in merged databases
  status TEXT NOT NULL DEFAULT 'running'
    CHECK (status IN ('running', 'finished', 'failed', 'interrupted', 'killed')),
  message TEXT,                        -- why the run failed or stopped
  command TEXT NOT NULL,
  command_line TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '',
  task TEXT NOT NULL DEFAULT '',
  parent INTEGER REFERENCES runs (id) ON DELETE SET NULL,
  run_dir TEXT,

  -- configuration
  arch TEXT,
  method TEXT,
  wbits INTEGER,
  abits INTEGER,
  init TEXT,
  gradient TEXT,
  zero_convention TEXT,
  shift_bias INTEGER,
  decay_references INTEGER,
  placement TEXT,
  impl TEXT,
  dataset TEXT,
  image_size INTEGER,
  limit_train INTEGER,
  limit_val INTEGER,
  augment INTEGER,
  epochs INTEGER,
  batch_size INTEGER,
  optimizer TEXT,
  lr REAL,
  momentum REAL,
  nesterov INTEGER,
  weight_decay REAL,
  schedule TEXT,
  lr_offset TEXT,
  warmup_epochs REAL,
  label_smoothing REAL,
  ema REAL,
  clip_grad_norm REAL,
  accumulate INTEGER,
  amp TEXT,
  seed,                                -- integer; text beyond 2^63 - 1, hence no type
  config_hash TEXT,

  -- environment
  host TEXT,
  cpu TEXT,
  gpu TEXT,
  device TEXT,
  threads INTEGER,
  workers INTEGER,
  world_size INTEGER,
  torch_version TEXT,
  program_version TEXT,
  source_revision TEXT,

  -- model
  parameters INTEGER,
  quantized_weights INTEGER,
  macs INTEGER,
  model_bytes INTEGER,                 -- at the configured bits

  -- copies of `summary` (split val, else test; train_ from split train) for fast lists
  epoch INTEGER,                       -- last epoch with metrics
  top1 REAL,
  top5 REAL,
  loss REAL,
  best_top1 REAL,
  best_top5 REAL,
  best_loss REAL,
  best_epoch INTEGER,                  -- epoch of best_top1, else of best_loss
  train_loss REAL,
  train_top1 REAL,
  images_per_second REAL,

  -- time, ISO 8601 in UTC; duration in seconds of work, pauses between resumes left out
  started_at TEXT NOT NULL,
  ended_at TEXT,
  duration REAL,
  active_since TEXT,                   -- start of the present stretch of work while running
  heartbeat_at TEXT,

  -- identity of the process that runs it
  boot_id TEXT,
  pid_namespace TEXT,
  pid INTEGER,
  process_start INTEGER                -- clock ticks after boot, field 22 of /proc/PID/stat
);
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_by_config ON runs (config_hash);
CREATE INDEX runs_running ON runs (id) WHERE status = 'running';

CREATE TABLE run_documents (
  run INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  config TEXT NOT NULL,                -- full resolved configuration, JSON
  environment TEXT NOT NULL,           -- JSON
  dataset TEXT NOT NULL                -- fingerprint, JSON
);

CREATE TABLE metrics (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  split TEXT NOT NULL,
  name TEXT NOT NULL,
  value REAL,                          -- NULL: not a number
  PRIMARY KEY (run, epoch, split, name)
) WITHOUT ROWID;

CREATE TABLE summary (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  split TEXT NOT NULL,
  name TEXT NOT NULL,
  last_epoch INTEGER NOT NULL,
  last REAL,
  best_epoch INTEGER,
  best REAL,                           -- smallest for losses and times, largest for all else; NULL: never finite
  PRIMARY KEY (run, split, name)
) WITHOUT ROWID;
CREATE INDEX summary_by_name ON summary (name, split);

CREATE TABLE artifacts (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  PRIMARY KEY (run, kind, path)
) WITHOUT ROWID;

CREATE TABLE weight_stats (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  layer TEXT NOT NULL,
  change_rate REAL,
  sign_change_rate REAL,
  shift_change_rate REAL,
  frozen_fraction REAL,
  distinct_shifts REAL,
  jump_size REAL,
  histogram TEXT NOT NULL,             -- JSON array: weights at each level, lowest level first
  PRIMARY KEY (run, epoch, layer)
) WITHOUT ROWID;

CREATE TABLE tags (
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (run, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag);
