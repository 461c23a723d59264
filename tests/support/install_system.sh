#!/usr/bin/env bash
# Installs what the tests need from the system's packages: PostgreSQL, PgBouncer, openssl for a certificate, Chromium,
# promtool, and systemd-analyze. Where that is not allowed, it prints what is missing and what is therefore skipped; with CI set, that is a
# failure, because in CI nothing may be skipped.
set -u

have_postgres() { command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
have_openssl() { command -v openssl >/dev/null 2>&1; }
have_pgbouncer() { PATH="$PATH:/usr/sbin" command -v pgbouncer >/dev/null 2>&1; }
have_chromium() { command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; }
have_promtool() { command -v promtool >/dev/null 2>&1; }
have_systemd() { command -v systemd-analyze >/dev/null 2>&1; }
have_all() { have_postgres && have_openssl && have_pgbouncer && have_chromium && have_promtool && have_systemd; }

have_all && exit 0

if command -v apt-get >/dev/null 2>&1; then
  run=""
  if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then run="sudo -n env DEBIAN_FRONTEND=noninteractive"; else run=no; fi
  fi
  if [ "$run" != no ]; then
    echo "installing PostgreSQL, PgBouncer, openssl, Chromium, Prometheus and systemd for the tests"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # postgresql-common first, to configure that the packages create no cluster: the tests create theirs.
    {
      $run apt-get update -qq &&
        $run apt-get install -y -qq --no-install-recommends postgresql-common &&
        $run sed -ri 's/^#?(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf &&
        $run apt-get install -y -qq --no-install-recommends postgresql pgbouncer openssl chromium prometheus systemd
    } >"$log" 2>&1 </dev/null ||
      tail -n 20 "$log"
    rm -f "$log"
  fi
fi

have_all && exit 0
have_postgres || {
  echo "missing: PostgreSQL (initdb, postgres). Install it, e.g. apt-get install postgresql"
  echo "therefore skipped: every test that runs on PostgreSQL; those on SQLite still run"
}
have_openssl || {
  echo "missing: openssl. Install it, e.g. apt-get install openssl"
  echo "therefore skipped: tests of mail and outgoing webhooks over TLS"
}
have_pgbouncer || {
  echo "missing: PgBouncer. Install it, e.g. apt-get install pgbouncer"
  echo "therefore skipped: tests behind a connection pooler"
}
have_chromium || {
  echo "missing: Chromium. Install it, e.g. apt-get install chromium"
  echo "therefore skipped: tests of the pages in a browser"
}
have_promtool || {
  echo "missing: promtool. Install it, e.g. apt-get install prometheus"
  echo "therefore skipped: tests of the alerting rules"
}
have_systemd || {
  echo "missing: systemd-analyze. Install it, e.g. apt-get install systemd"
  echo "therefore skipped: tests of the units in deploy/systemd"
}
[ -z "${CI:-}" ]
