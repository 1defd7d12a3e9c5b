import re
import subprocess
import sys
from pathlib import Path

import pytest

LARGE_TENSOR = """
from pathlib import Path
from deepkoal.memory import make_memory_returnable, return_freed_memory
make_memory_returnable()
import tensorflow as tf
tf.zeros([10])
print(Path("/proc/self/status").read_text())
total = tf.reduce_sum(tf.ones([75_000_000]))
print(Path("/proc/self/status").read_text())
return_freed_memory()
print(Path("/proc/self/status").read_text())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells of memory there")
def test_a_large_tensors_memory_is_kept_and_given_back_when_told():
    told = subprocess.run(
        [sys.executable, "-c", LARGE_TENSOR], capture_output=True, text=True, check=True
    ).stdout
    before, kept, returned = (int(kib) / 1024 for kib in re.findall(r"VmRSS:\s+(\d+) kB", told))
    assert kept > before + 250
    assert returned < before + 100
