-- Views for people with pandas or the sqlite3 shell.

-- The usual metrics side by side: one row per run, epoch and split.
CREATE VIEW epochs AS
SELECT run, epoch, split,
  max(value) FILTER (WHERE name = 'loss') AS loss,
  max(value) FILTER (WHERE name = 'top1') AS top1,
  max(value) FILTER (WHERE name = 'top5') AS top5,
  max(value) FILTER (WHERE name = 'lr') AS lr,
  max(value) FILTER (WHERE name = 'images_per_second') AS images_per_second
FROM metrics
GROUP BY run, epoch, split;

-- Runs that reached an accuracy, best first, ranked among runs of the same task, dataset and architecture.
-- A run whose heartbeat is older than two minutes counts as killed here; `denseshift runs` also looks at the process.
CREATE VIEW leaderboard AS
SELECT rank() OVER (PARTITION BY task, dataset, arch ORDER BY best_top1 DESC) AS place,
  id, task, dataset, arch, method, wbits, abits, best_top1, best_epoch, top1, top5, loss, epochs, seed,
  parameters, model_bytes, duration, name,
  CASE WHEN status = 'running' AND heartbeat_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-120 seconds')
    THEN 'killed' ELSE status END AS status
FROM runs
WHERE best_top1 IS NOT NULL
ORDER BY task, dataset, arch, place, id;

-- Means over seeds: runs of one configuration apart from the seed.
CREATE VIEW seeds AS
SELECT task, dataset, arch, method, wbits, abits, epochs, batch_size, lr, count(*) AS runs, avg(top1) AS mean_top1,
  min(top1) AS min_top1, max(top1) AS max_top1, avg(best_top1) AS mean_best_top1, group_concat(seed, ',') AS seeds,
  group_concat(id, ',') AS ids
FROM runs
WHERE status = 'finished' AND top1 IS NOT NULL
GROUP BY task, dataset, arch, method, wbits, abits, epochs, batch_size, lr;

-- Every summary value with what identifies its run.
CREATE VIEW results AS
SELECT s.run, r.name AS run_name, r.dataset, r.arch, r.method, r.wbits, r.abits, r.seed, s.split, s.name, s.last,
  s.last_epoch, s.best, s.best_epoch
FROM summary AS s JOIN runs AS r ON r.id = s.run;
