# What the scripts beside this one share; sourced, never run.
# shellcheck shell=bash disable=SC2034

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The oldest toolchain that reads Package.swift.
readonly least_swift=6.2

build_packages=(libopenblas-dev libjpeg-dev libpng-dev liblcms2-dev libcurl4-openssl-dev pkg-config)

say() { printf '%s\n' "$*" >&2; }

stop() {
  say "$(basename "$0"): $*"
  exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    stop "needs root for '$*' and sudo is not there; run that as root, then run this again"
  fi
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]
}

# Installs those of the named Debian packages that are not there.
install_packages() {
  command -v dpkg-query >/dev/null \
    || stop "this is no Debian system; install the counterparts of $* by hand and build with 'swift build -c release'"
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install \
    --no-install-recommends "${missing[@]}" >&2
}

# Makes a Python environment in a folder with what a file of requirements names, or adds what is missing there.
python_environment() {
  local folder=$1 requirements=$2
  if ! [ -x "$folder/bin/pip" ]; then
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3 python3-venv
    python3 -m venv "$folder"
  fi
  # The processor build of PyTorch where one is at hand: the ordinary one brings gigabytes for accelerators.
  "$folder/bin/python" -c 'import torch' 2>/dev/null \
    || "$folder/bin/pip" install -q 'torch==2.13.0+cpu' 2>/dev/null \
    || "$folder/bin/pip" install -q --timeout 15 --retries 0 --index-url https://download.pytorch.org/whl/cpu torch 2>/dev/null \
    || "$folder/bin/pip" install -q torch
  "$folder/bin/pip" install -q -r "$requirements"
}

# Puts a Swift toolchain on the path, or stops and says what is needed.
require_swift() {
  local folder version
  if ! command -v swift >/dev/null; then
    for folder in /opt/swift/usr/bin /usr/local/swift/usr/bin "${HOME:-/root}/.local/share/swiftly/bin"; do
      [ -x "$folder/swift" ] && PATH=$folder:$PATH && break
    done
  fi
  command -v swift >/dev/null \
    || stop "no Swift toolchain found; install Swift $least_swift or newer from https://www.swift.org/install/linux/ and put 'swift' on the PATH"
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
  [ -n "$version" ] || stop "'swift --version' prints no version; is the toolchain complete?"
  [ "$(printf '%s\n' "$least_swift" "$version" | sort -V | head -n 1)" = "$least_swift" ] \
    || stop "found Swift $version; Swift $least_swift or newer is needed (https://www.swift.org/install/linux/)"
}
