#!/bin/sh
# Put the four MNIST files, uncompressed, in data/ beside this script, or in the folder named.
# Usage: mnist_get_data.sh [FOLDER]      PYTHON names the interpreter, python3 by default.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
exec "${PYTHON:-python3}" "$here/minitorch/data/fetch.py" "${1:-$here/data}"
