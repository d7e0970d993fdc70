#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The forward protocol: the part "python" of forward.py.
# timeout: 180
exec python3 "$(dirname "$0")/forward.py" python
