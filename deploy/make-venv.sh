#!/bin/sh
# make-venv.sh PYTHON DIR: create a virtual environment, also on Debian where python3 lacks ensurepip.
set -e
python=$1 dir=$2
if "$python" -m venv "$dir" >/dev/null 2>&1 && [ -x "$dir/bin/pip" ]; then exit 0; fi
rm -rf "$dir"
if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else
  echo "python3 on this machine cannot create virtual environments. Run: sudo apt-get install python3-venv" >&2
  exit 1
fi
$sudo apt-get update -qq && $sudo apt-get install -y -qq python3-venv
exec "$python" -m venv "$dir"
