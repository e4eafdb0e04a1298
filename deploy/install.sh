#!/bin/sh
# install.sh PREFIX: install the appliance into PREFIX, each version in a virtual environment of its own:
#
#     PREFIX/versions/0.1.0-20261102T100000/     bin, lib, share/cc-voice (documents, systemd unit)
#     PREFIX/current, bin, lib, share            links to the version in force; a service that runs keeps its own until it is restarted
#
# From a checkout (`make install PREFIX=/opt/cc-voice`) dependencies come from the package index that pip or uv is set up for, from a
# wheelhouse (`make wheelhouse`) out of the folder this file lies in, without network. Every hash of the lock is verified in both.
# PYTHON=python3.12 chooses the interpreter, EXTRAS="codecs lake mcp" the extras; see pyproject.toml for what they are.
set -eu
umask 022

die() { echo "install.sh: $*" >&2; exit 1; }

[ $# -eq 1 ] || die "say where to: sh install.sh /opt/cc-voice"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' ||
  die "$python is not Python 3.11 to 3.13; say PYTHON=python3.12 or the like"
minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ -d "$prefix/versions" ] || [ -z "$(ls -A "$prefix")" ] ||
  die "$prefix is not empty and no installation of cc-voice; move it aside (data and configuration are elsewhere)"

if [ -d "$here/wheels" ]; then
  wheels=$here/wheels offline=yes
  [ "$(cat "$here/python-version")" = "$minor" ] ||
    die "this wheelhouse is for Python $(cat "$here/python-version"), and $python is $minor; say PYTHON=python$(cat "$here/python-version")"
else
  wheels=$here/../dist offline=
fi
set -- "$wheels"/cc_voice-*.whl
[ $# -eq 1 ] && [ -f "$1" ] || die "there must be one cc_voice-*.whl in $wheels; \`make wheel\` builds it"
wheel=$1
version=$(basename "$wheel" | cut -d- -f2)
venv=$prefix/versions/$version-$(date -u +%Y%m%dT%H%M%S)

locks=$here/requirements.lock
for extra in ${EXTRAS:-}; do
  [ -f "$here/$extra.lock" ] || die "there is no extra $extra; there are: codecs lake mcp"
  locks="$locks $here/$extra.lock"
done

mkdir -p "$prefix/versions"
trap 'rm -rf "$venv"' EXIT
if command -v uv >/dev/null 2>&1; then
  uv venv -q --python "$python" "$venv"
  pip() { uv pip install -q --python "$venv/bin/python" --compile-bytecode ${offline:+--offline --no-index --find-links "$wheels"} "$@"; }
else
  sh "$here/make-venv.sh" "$python" "$venv"
  pip() { "$venv/bin/python" -m pip install -q --disable-pip-version-check ${offline:+--no-index --find-links "$wheels"} "$@"; }
fi
for lock in $locks; do pip --require-hashes -r "$lock"; done
pip --no-deps "$wheel"

share=$venv/share/cc-voice
mkdir -p "$share"
for file in README.md zoom-setup.md configuration.md cc-voice.example.toml cc-voice.sysusers Caddyfile; do
  cp "$here/$file" "$share/"
done
sed "s|/opt/cc-voice|$prefix|g" "$here/cc-voice.service" >"$share/cc-voice.service"
"$venv/bin/cc-voice" --version >/dev/null
trap - EXIT

before=$(readlink "$prefix/current" 2>/dev/null || true)
ln -s "versions/$(basename "$venv")" "$prefix/.current" && mv -T "$prefix/.current" "$prefix/current"
for name in bin lib share pyvenv.cfg; do ln -sfn "current/$name" "$prefix/$name"; done
# The one that ran until now stays, for the service that still runs it and for the way back
for old in "$prefix"/versions/*; do
  case versions/$(basename "$old") in "$before" | "versions/$(basename "$venv")") ;; *) rm -rf "$old" ;; esac
done
echo "Installed $("$prefix/bin/cc-voice" --version) with Python $minor. The command is $prefix/bin/cc-voice"
