import re
import subprocess
import sys
from pathlib import Path

import pytest

LARGE_TENSOR = """
from pathlib import Path
from deepkoal.memory import return_freed_memory
return_freed_memory()
import tensorflow as tf
tf.zeros([10])
print(Path("/proc/self/status").read_text())
total = tf.reduce_sum(tf.ones([75_000_000]))
print(Path("/proc/self/status").read_text())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells of memory there")
def test_a_large_tensors_memory_is_given_back():
    told = subprocess.run(
        [sys.executable, "-c", LARGE_TENSOR], capture_output=True, text=True, check=True
    ).stdout
    megabytes = {
        field: [int(kib) / 1024 for kib in re.findall(rf"{field}:\s+(\d+) kB", told)]
        for field in ("VmRSS", "VmHWM")
    }
    assert megabytes["VmHWM"][1] > megabytes["VmRSS"][0] + 250
    assert megabytes["VmRSS"][1] < megabytes["VmRSS"][0] + 100
