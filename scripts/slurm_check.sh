#!/usr/bin/env bash
# Checks --launcher=slurm against a real Slurm: a single node on this machine, from Debian's packages, with its own
# configuration in a temporary folder. Needs root, installs slurm-wlm and munge when they are missing.
#
#   scripts/slurm_check.sh [PROGRAM] [--study NAME] [--time-limit] [--keep]
#
# PROGRAM is build/denseshift unless given; --study also trains a study at scale smoke; --time-limit adds a job that runs
# into its time limit (three minutes more); --keep leaves the folder.
set -euo pipefail

program=
study=
time_limit=0
keep=0
while [ $# -gt 0 ]; do
  case $1 in
    --study) study=$2; shift ;;
    --time-limit) time_limit=1 ;;
    --keep) keep=1 ;;
    *) program=$1 ;;
  esac
  shift
done
program=$(realpath "${program:-$(dirname "$0")/../build/denseshift}")
[ "$(id -u)" = 0 ] || { echo "slurm_check: needs root" >&2; exit 2; }
[ -x "$program" ] || { echo "slurm_check: no program at $program; build it first" >&2; exit 2; }

if ! command -v slurmctld slurmd munged sbatch > /dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge > /dev/null
fi

work=$(mktemp -d -t slurm-check-XXXXXX)
daemons=()
finish() {
  status=$?
  for pid in "${daemons[@]}"; do kill "$pid" 2> /dev/null || true; done
  wait 2> /dev/null || true
  if [ "$status" -ne 0 ] || [ "$keep" = 1 ]; then
    echo "slurm_check: logs are in $work" >&2
  else
    rm -rf "$work"
  fi
  exit "$status"
}
trap finish EXIT
fail() { echo "slurm_check: FAILED: $*" >&2; exit 1; }
passed() { echo "passed: $*"; }

# --- a cluster of one node -------------------------------------------------------------------------------------------
mkdir -p "$work"/{state,spool,munge,jobs}
chmod 755 "$work" "$work/munge"
head -c 128 /dev/urandom > "$work/munge/key"
chmod 600 "$work/munge/key"
munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
  --pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed" > "$work/munge.out" 2>&1 &
daemons+=($!)

node=$(hostname -s)
cpus=$(nproc)
port=$((20000 + RANDOM % 10000))
# Containers have neither systemd nor cgroups of their own: processes are tracked by their parents.
cat > "$work/slurm.conf" << CONF
ClusterName=check
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=5,bf_interval=5
ReturnToService=2
KillWait=30
MpiDefault=none
NodeName=$node NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=check Nodes=$node Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
for _ in $(seq 50); do [ -S "$work/munge/socket" ] && break; sleep 0.1; done
slurmctld -D > "$work/slurmctld.out" 2>&1 &
daemons+=($!)
slurmd -D > "$work/slurmd.out" 2>&1 &
daemons+=($!)
for _ in $(seq 60); do
  [ "$(sinfo --noheader --format=%T 2> /dev/null)" = idle ] && break
  sleep 1
done
[ "$(sinfo --noheader --format=%T)" = idle ] || fail "the node does not become idle: $(sinfo --noheader --format='%T %E')"
passed "$(slurmd -V) on $node with $cpus CPUs"

# --- helpers ---------------------------------------------------------------------------------------------------------
cd "$work/jobs"
wait_for_queue() { # seconds
  for _ in $(seq "$1"); do
    [ -z "$(squeue --noheader)" ] && return 0
    sleep 1
  done
  squeue >&2
  fail "jobs are still queued after $1 s"
}
count() { "$program" query "SELECT count(*) FROM runs WHERE $1" --format csv --db results.db | tail -n 1; }
sweep_file() { # name epochs learning-rates
  cat > "$1.json" << JSON
{"name": "$1", "search": "grid", "space": {"lr": $3}, "seeds": [1],
 "base": {"dataset": "shapes", "image_size": 32, "limit_train": 512, "limit_val": 128, "arch": "resnet20",
          "wbits": 2, "init": "lvr", "epochs": $2, "batch_size": 32}}
JSON
}

# --- an array runs, and its results are merged -----------------------------------------------------------------------
sweep_file rates 1 "[0.1, 0.01]"
"$program" sweep rates.json --launcher=slurm --cpus-per-task=1 --db results.db
[ "$("$program" sweep rates.json --launcher=slurm --db results.db 2>&1 | grep -c 'queued already')" = 2 ] ||
  fail "queued trainings were submitted again"
passed "queued trainings are not submitted again"
wait_for_queue 300
[ "$(count "status = 'finished'")" = 2 ] || fail "two finished runs expected, $(count "status = 'finished'") found"
"$program" sweep rates.json --launcher=slurm --db results.db 2> rates.err
! grep -q submitted rates.err || fail "a finished sweep was submitted again"
passed "an array trains its cells and the merge brings the runs"

# --- scontrol requeue leads to a resumed run -------------------------------------------------------------------------
sweep_file long 40 "[0.05]"
job=$("$program" sweep long.json --launcher=slurm --slurm-folder=slurm-long --cpus-per-task=1 --db results.db --json |
  sed -n 's/.*"\([0-9]*\)".*/\1/p' | head -n 1)
epoch() { "$program" query "SELECT max(epoch) FROM metrics" --format csv --db slurm-long/cell-0.db 2> /dev/null | tail -n 1; }
for _ in $(seq 300); do
  reached=$(epoch || true)
  [ "${reached:-0}" -ge 2 ] 2> /dev/null && break
  sleep 0.5
done
[ "${reached:-0}" -ge 2 ] || fail "the long training does not get to its third epoch"
scontrol requeue "${job}_0"
wait_for_queue 600
grep -q -- '--resume=' slurm-long/logs/*_0.log || fail "the task began anew instead of resuming"
[ "$(count "lr = 0.05")" = 1 ] || fail "one run of the long training expected"
[ "$(count "lr = 0.05 AND status = 'finished' AND epoch = epochs")" = 1 ] || fail "the resumed run is not complete"
passed "a requeued task resumed its run, at epoch $reached or later"

# --- a job that runs into its time limit saves, requeues itself and goes on ---------------------------------------------
if [ "$time_limit" = 1 ]; then
  sweep_file limit 400 "[0.02]"
  "$program" sweep limit.json --launcher=slurm --slurm-folder=slurm-limit --cpus-per-task=1 --time=3 --db results.db
  for _ in $(seq 300); do
    grep -q -- '--resume=' slurm-limit/logs/*_0.log 2> /dev/null && break
    sleep 1
  done
  grep -q -- '--resume=' slurm-limit/logs/*_0.log || fail "the task did not come back after its time limit"
  passed "a task saved before its time limit, put itself back and resumed"
  scancel --me
  wait_for_queue 120
  passed "a cancelled task stays cancelled"
  "$program" sweep limit.json --launcher=slurm --slurm-folder=slurm-again --cpus-per-task=1 --db results.db
  for _ in $(seq 60); do
    grep -q -- '--resume=' slurm-again/logs/*_0.log 2> /dev/null && break
    sleep 1
  done
  grep -q -- '--resume=' slurm-again/logs/*_0.log || fail "the run of the cancelled task did not go on"
  scancel --me
  wait_for_queue 120
  passed "a new submission goes on with the run of the cancelled one"
fi

# --- a study -----------------------------------------------------------------------------------------------------------
if [ -n "$study" ]; then
  "$program" ablate "$study" --scale smoke --launcher=slurm --cpus-per-task=1 --db results.db
  wait_for_queue 1800
  left=$("$program" ablate "$study" --scale smoke --dry-run --json --db results.db | grep -c '"missing"\|"failed"' || true)
  [ "$left" = 0 ] || fail "$left cells of $study are missing"
  passed "every cell of $study is trained"
fi
