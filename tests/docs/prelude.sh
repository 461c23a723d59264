# What the set-ups of pages may call, beside `given` (tests/docs/given.py).

# service [SETTING=VALUE ...]: the service runs, with its webhook registered at the sandbox.
service() {
  set -m
  (env "$@" awbridge serve >serve.log 2>&1 </dev/null &
    echo $! >serve.pid)
  set +m
  until curl -sf -o /dev/null http://127.0.0.1:8000/healthz; do
    kill -0 "$(cat serve.pid)" || { cat serve.log; return 1; }
    sleep 0.05
  done
  awbridge webhook register http://127.0.0.1:8000/webhooks/clickpost >/dev/null
}

# postgresql: an empty PostgreSQL server runs on 127.0.0.1:5432, where psql is its superuser.
postgresql() {
  export PGHOST=127.0.0.1 PGUSER=postgres
  set -m
  (given postgresql >postgresql.log 2>&1 </dev/null &
    echo $! >postgresql.pid)
  set +m
  until grep -q ready postgresql.log; do
    kill -0 "$(cat postgresql.pid)" || { cat postgresql.log; return 1; }
    sleep 0.05
  done
}
