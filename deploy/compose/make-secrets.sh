#!/usr/bin/env bash
# Makes the files of secrets/ that are missing, with random values, and asks for the key that only ClickPost can give.
# The folder is for its owner alone. The files are readable for all, because the users inside the containers differ.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # NAME VALUE: writes the file, unless it is there
  if [ ! -s "secrets/$1" ]; then
    printf '%s' "$2" >"secrets/$1"
    echo "made secrets/$1"
  fi
  chmod 444 "secrets/$1"
}

keep postgres_password "$(random)"
password=$(cat secrets/postgres_password)
keep database_url "postgresql://awbridge:$password@pgbouncer:6432/awbridge"
keep pgbouncer_users "\"awbridge\" \"$password\""
keep s3_identities "{\"identities\": [{\"name\": \"awbridge\", \"credentials\": [{\"accessKey\": \"awbridge\", \
\"secretKey\": \"$(random)\"}], \"actions\": [\"Admin\", \"Read\", \"Write\", \"List\", \"Tagging\"]}]}"
s3_secret=$(sed 's/.*"secretKey": "\([0-9a-f]*\)".*/\1/' secrets/s3_identities)
keep archive_options "endpoint=http://s3:8333,region=us-east-1,access_key_id=awbridge,secret_access_key=$s3_secret"
keep api_keys "$(random)"
keep privacy_key "$(random)"
keep grafana_password "$(random)"
# Prometheus gets a key of its own once the service runs: docs/how-to/deploy/deploy.md.
keep awbridge_metrics_key "none-yet"

if [ ! -s secrets/clickpost_key ]; then
  key=${CLICKPOST_KEY:-}
  if [ -z "$key" ] && [ -t 0 ]; then
    printf "ClickPost's API key (it is not shown): "
    stty -echo
    read -r key
    stty echo
    echo
  fi
  if [ -z "$key" ]; then
    echo "Write ClickPost's API key into $PWD/secrets/clickpost_key, or set CLICKPOST_KEY, and start this again." >&2
    exit 1
  fi
  keep clickpost_key "$key"
fi
chmod 444 secrets/clickpost_key

if [ ! -s secrets/tls_certificate ] || [ ! -s secrets/tls_key ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost" \
    -keyout secrets/tls_key -out secrets/tls_certificate 2>/dev/null
  echo "made secrets/tls_certificate, signed by itself: replace it and tls_key by your own, ClickPost accepts no other"
fi
chmod 444 secrets/tls_certificate secrets/tls_key
