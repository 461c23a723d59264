# What the set-ups of pages may call, beside `given` (tests/docs/given.py).

# again: database and sandbox are as at the beginning of the page.
again() {
  curl -sf -X POST http://127.0.0.1:8100/_sandbox/reset
  rm -f awbridge.db*
  install -m 600 "$INSTALLED" awbridge.db
}

# service [SETTING=VALUE ...]: the service runs, with its webhook registered at the sandbox.
service() {
  set -m
  (env "$@" awbridge serve >serve.log 2>&1 </dev/null &
    echo $! >serve.pid)
  set +m
  until _listens 8000 && curl -sf -o /dev/null http://127.0.0.1:8000/healthz; do
    kill -0 "$(cat serve.pid)" || { cat serve.log; return 1; }
    sleep 0.05
  done
  awbridge webhook register http://127.0.0.1:8000/webhooks/clickpost >/dev/null
}

# stopped: what runs on in this terminal has ended.
stopped() {
  pkill -s 0 -x awbridge || true
  while pgrep -s 0 -r R,S,D,T -x awbridge >/dev/null; do sleep 0.05; done
}

# answered ORDER: its customer answers, after a failed delivery, on the page of the running service.
answered() {
  local link parcel
  given scan "$1" 9 --ndr 1
  link=http://127.0.0.1:8000/track/$(token_of "$1")
  parcel=$(curl -sf "$link" | sed -n 's/.*name="parcel" value="\([^"]*\)".*/\1/p' | head -n 1)
  curl -sf -o /dev/null "$link/answer" -d "parcel=$parcel" -d kind=deliver_again -d digits=0002 \
    -d "day-deliver_again=$(date -d '2 days' +%F)"
}

# token_of ORDER: the token of its customer's page.
token_of() {
  awbridge shipments show "$1" --json | jq -r '.track_url | split("/") | last'
}

# mail_server: a mail server that accepts everything runs on smtp://127.0.0.1:2525.
mail_server() {
  _beside 2525 python -m aiosmtpd --nosetuid --class aiosmtpd.handlers.Sink --listen 127.0.0.1:2525
}

# subscriber: what is posted to http://127.0.0.1:9000 is in event.json (tests/docs/subscriber.py).
subscriber() {
  _beside 9000 python "$ROOT/tests/docs/subscriber.py"
}

_beside() { # PORT COMMAND...
  local port=$1
  shift
  set -m
  ("$@" >/dev/null 2>&1 </dev/null &)
  set +m
  until _listens "$port"; do sleep 0.05; done
}

_listens() { # PORT
  (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null
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
