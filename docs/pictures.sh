#!/usr/bin/env bash
# Draws all pictures of docs/pictures anew: the real program plays the keys on a screen in memory. The texts are the same on
# every machine, so that a change of the screen shows as a change of these files; only the shades of latents.svg follow the
# last bits of the numbers, which instruction sets round differently.
#
#     docs/pictures.sh [PROGRAM]    # without a program it is built
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p docs/pictures

# Neither a person's configuration and models nor the variables of their terminal count.
export XDG_CONFIG_HOME=/nonexistent XDG_DATA_HOME=/nonexistent

program=${1:-}
# picture NAME SIZE KEYS
picture() {
  local run=(cargo run --release --locked --quiet --)
  [ -z "$program" ] || run=("$program")
  "${run[@]}" --seed 3 --theme dark --precision f32 --size "$2" --keys "$3" --shot "docs/pictures/$1.svg"
}

picture ladder 120x40 ''
picture ladder-small 80x24 ''
picture mix 120x40 'tab down down space shift+right shift+right down down space left'
picture directions 120x40 'tab tab down down right right right right'
picture latents 120x40 'tab tab tab 3'
picture neighbours 120x40 'tab tab tab tab 6'
picture keep 120x40 '3 ctrl+d "the first blend" enter 7 ctrl+d "nearly B" enter shift+tab shift+tab down'
picture picker 120x40 'A "self"'
picture palette 120x40 ': "path"'
picture help 120x40 '?'
picture models 120x40 'f3'
