"""``python launch.py FD COMMAND...``: run a command and write what it took to a file descriptor, as JSON.

A process counts among its own memory what its starter had when it was started; this one has next to nothing.
"""

import json
import os
import sys

if __name__ == "__main__":
    process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
    _, status, used = os.wait4(process, 0)
    code = os.waitstatus_to_exitcode(status)
    told = {"code": code, "processor_seconds": used.ru_utime + used.ru_stime, "peak_memory": used.ru_maxrss * 1024}
    os.write(int(sys.argv[1]), json.dumps(told).encode())
