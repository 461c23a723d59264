#!/usr/bin/env bash
# Installs what the tests need from the system's packages. Where that is not allowed, it prints what is missing and what
# is therefore skipped; with CI set, that is a failure, because in CI nothing may be skipped.
set -u
PATH="$PATH:/usr/sbin"

# One line a need: its name | its programs, alternatives after a comma | Debian's packages | what is skipped without it
needs() {
  cat <<'NEEDS'
PostgreSQL|initdb|postgresql|every test that runs on PostgreSQL; those on SQLite still run
openssl|openssl|openssl|tests of mail and outgoing webhooks over TLS
PgBouncer|pgbouncer|pgbouncer|tests behind a connection pooler
Chromium|chromium,chromium-browser,google-chrome|chromium|tests of the pages in a browser
the proxies of deploy/|nginx caddy haproxy apache2|nginx-light caddy haproxy apache2|tests behind these proxies
promtool|promtool|prometheus|tests of the alerting rules
systemd-analyze|systemd-analyze|systemd|tests of the units in deploy/systemd
PHP|php|php-cli|tests of the samples in PHP
what the pages call|curl jq|curl jq|tests of the blocks of the pages
NEEDS
}

have() { # PROGRAMS: whether each is there
  local program alternative found
  for program in $1; do
    found=no
    for alternative in ${program//,/ }; do
      if command -v "$alternative" >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/"$alternative" >/dev/null 2>&1; then
        found=yes
      fi
    done
    [ "$found" = yes ] || return 1
  done
}

missing() { # FIELD: that field of each need that is not met, one a line
  needs | while IFS='|' read -r name programs packages skipped; do
    have "$programs" || case "$1" in
      packages) echo "$packages" ;;
      text) printf 'missing: %s. Install it, e.g. apt-get install %s\ntherefore skipped: %s\n' "$name" "$packages" "$skipped" ;;
    esac
  done
}

install() { # PACKAGES, as root by the command in $run
  export DEBIAN_FRONTEND=noninteractive
  # No service is started meanwhile: the tests start what they need, on free ports.
  local denied=no
  if ! [ -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | $run tee /usr/sbin/policy-rc.d >/dev/null && $run chmod +x /usr/sbin/policy-rc.d
    denied=yes
  fi
  # postgresql-common first, to configure that the packages create no cluster: the tests create theirs.
  $run apt-get update -qq &&
    $run apt-get install -y -qq --no-install-recommends postgresql-common &&
    $run sed -ri 's/^#?(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf &&
    $run apt-get install -y -qq --no-install-recommends "$@"
  local status=$?
  [ "$denied" = no ] || $run rm -f /usr/sbin/policy-rc.d
  return $status
}

wanted=$(missing packages)
[ -n "$wanted" ] || exit 0

if command -v apt-get >/dev/null 2>&1; then
  run=""
  if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then run="sudo -n env DEBIAN_FRONTEND=noninteractive"; else run=no; fi
  fi
  if [ "$run" != no ]; then
    echo "installing for the tests:" $wanted
    log=$(mktemp)
    # shellcheck disable=SC2086
    install $wanted >"$log" 2>&1 </dev/null || tail -n 20 "$log"
    rm -f "$log"
  fi
fi

left=$(missing text)
[ -n "$left" ] || exit 0
echo "$left"
[ -z "${CI:-}" ]
