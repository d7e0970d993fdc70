#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same 1,000 records through every envelope and source: see same.py.
# timeout: 180
exec python3 "$(dirname "$0")/same.py"
