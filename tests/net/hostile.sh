#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Peers that are slow, silent, many, or hostile: see hostile.py.
# timeout: 240
exec python3 "$(dirname "$0")/hostile.py"
