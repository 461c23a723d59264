#!/usr/bin/env bash
# Zensical 0.0.73: `build --strict` passes with a missing image, a broken link to a file, and a page without navigation.
#
# Versions: Zensical 0.0.73, Python 3.11.
# Guess: strict means, as in MkDocs with its strictest settings, that nothing on the site is broken or left out.
# Behaviour: only links to Markdown files, and their anchors, are checked. A missing image, a link to any other file, a
#   page that is not in `nav` and an entry of `nav` without a page are built without a word, and the exit code is 0.
#   So a build in CI does not show that a screenshot was renamed or that a new page cannot be reached.
# Output seen:
#   everything else broken: exit 0
#   a link to a page that does not exist: exit 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check zensical==0.0.73
mkdir "$folder/docs"
printf '[project]\nsite_name = "probe"\nnav = ["index.md", "gone.md"]\n' > "$folder/zensical.toml"
printf '# Forgotten\n' > "$folder/docs/forgotten.md"
printf '# Start\n\n![a picture](gone.png)\n\n[a file](gone.txt)\n\n[outside](../../gone.conf)\n' > "$folder/docs/index.md"
build() {
  (cd "$folder" && venv/bin/zensical build --strict --clean > log 2>&1) && echo "exit 0" || echo "exit $?"
}
seen="everything else broken: $(build)"
printf '\n[a page](gone.md)\n' >> "$folder/docs/index.md"
seen+="
a link to a page that does not exist: $(build)"
echo "$seen"
[ "$seen" = "everything else broken: exit 0
a link to a page that does not exist: exit 1" ]
