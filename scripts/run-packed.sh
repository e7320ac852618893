#!/bin/sh
# Runs what `npm run pack:gpu` has packed, with the Node that came along.
#   ./run doctor | test:gpu | bench | golden [arguments]
here=$(cd "$(dirname "$0")" && pwd) || exit 1
node="$here/bin/node"
what=$1
[ $# -gt 0 ] && shift
case $what in
  doctor) exec "$node" "$here/apps/doctor/src/main.ts" "$@" ;;
  bench) exec "$node" --expose-gc "$here/apps/bench/src/main.ts" "$@" ;;
  golden) exec "$node" "$here/packages/testing/src/golden/main.ts" "$@" ;;
  test:gpu)
    # The golden cases that were packed; a folder that is named comes later and counts.
    if [ -d "$here/goldens" ]; then set -- --goldens "$here/goldens" "$@"; fi
    exec "$node" "$here/packages/testing/src/gpu.ts" "$@"
    ;;
  *)
    echo "usage: ./run doctor|test:gpu|bench|golden [arguments]" >&2
    exit 2
    ;;
esac
