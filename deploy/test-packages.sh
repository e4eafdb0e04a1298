#!/bin/sh
# Installs the Debian packages that some tests use, where it may; where it may not, those tests skip and say why.
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v flite >/dev/null 2>&1 || missing="$missing flite"
command -v espeak-ng >/dev/null 2>&1 || missing="$missing espeak-ng"
[ -z "$missing" ] && exit 0
command -v apt-get >/dev/null 2>&1 || { echo "Tests that need$missing will skip: no apt-get here."; exit 0; }
if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else
  echo "Tests that need$missing will skip: not root, no passwordless sudo."; exit 0
fi
DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND
{ $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 ||
  echo "Tests that need$missing may skip: apt-get could not install them."
exit 0
