#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records that rsyslog sends are those of the file: see daemons.py.
# timeout: 180
exec python3 "$(dirname "$0")/daemons.py" rsyslog
