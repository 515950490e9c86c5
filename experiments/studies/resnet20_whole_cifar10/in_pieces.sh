#!/usr/bin/env bash
# Runs this study seed by seed on a machine that is at hand for minutes. Call it again to continue.
#
#   bash in_pieces.sh ARCHIVES OUTPUT MINUTES [flags of sweep.py]
#
# ARCHIVES is the folder of the archive of CIFAR-10. OUTPUT begins as a copy of run/ beside this
# script, if there is one and OUTPUT does not exist. When time is up, it holds all that another
# machine needs to continue: the tables, and the last checkpoint of the seed in training.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
archives=$1 output=$2 minutes=$3
shift 3
deadline=$(($(date +%s) + 60 * minutes))

if [ ! -d "$output" ] && [ -d "$here/run" ]; then
  cp -r "$here/run" "$output"
fi
for seeds in 1 2 3 4 5; do
  left=$((deadline - $(date +%s)))
  if [ "$left" -le 0 ]; then
    break
  fi
  status=0
  # At the signal, the sweep stops after its next checkpoint or measurement.
  timeout --signal INT "$left" python "$here/../../study.py" resnet20_whole_cifar10 \
    --archives "$archives" --allow-unverified-archives --output "$output" \
    --resume --seeds "$seeds" "$@" || status=$?
  if [ "$status" -eq 124 ]; then
    break
  elif [ "$status" -ne 0 ]; then
    exit "$status"
  fi
  # Measured networks need no checkpoint, and these are too large to be sent around.
  rm -rf "$output"/checkpoints*
done
