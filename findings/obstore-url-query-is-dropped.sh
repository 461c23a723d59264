#!/usr/bin/env bash
# obstore 0.12.1: from_url() silently drops the options after the ? of a URL.
#
# Versions: obstore 0.12.1, Python 3.11.
# Guess: s3://b/p?region=eu-west-1&endpoint=... sets region and endpoint, as for pyarrow and others, or is refused.
# Behaviour: the query is dropped: the store uses the default region and endpoint. The same names as config= are
#   checked, and an unknown one is an error.
# Output seen:
#   S3Store(bucket="b", prefix="p") {'bucket': 'b'}
#   UnknownConfigurationKeyError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
cat > "$folder/run.py" <<'PYTHON'
from obstore.store import from_url

store = from_url("s3://b/p?region=eu-west-1&endpoint=http://127.0.0.1:9&nonsense=1")
print(store, store.config)
try:
    from_url("s3://b/p", config={"nonsense": "1"})
except Exception as error:
    print(type(error).__name__)
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "S3Store(bucket=\"b\", prefix=\"p\") {'bucket': 'b'}
UnknownConfigurationKeyError" ]
