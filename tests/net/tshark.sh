#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An oracle for the headers of syslog: see tshark.py.
# timeout: 120
exec python3 "$(dirname "$0")/tshark.py"
