#!/usr/bin/env bash
# Tortures the library on a broker of its own, and says what was broken:
#   tests/torture/run.sh --broker kafka|amqp|memory --profile smoke|ci|release [--seed N] [--cluster] [--report FILE]
#     --seed N        the same faults again; without it the seed is random and printed
#     --cluster       three nodes, of which one is killed at a time
#     --report FILE   keeps the result beside those of other brokers: FILE (Markdown) and the same name with .json
#     --plan          prints what would be done
#     --keep          keeps what the processes wrote; it is kept anyway when something was broken
#     --programs DIR  the built programs (build/release/bin)
# The exit code is 0 when every promise was kept, 1 when one was broken, 2 when the run could not be made, such as
# because a broker did not start.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case " $* " in *" --programs "*) ;; *) set -- --programs "$here/../../build/release/bin" "$@" ;; esac
exec python3 -B "$here/torture.py" "$@"
