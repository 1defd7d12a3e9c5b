"""How tests run JAX in processes of their own: compiling takes it longer than training does."""

import os

QUICK = " ".join(
    (
        "--xla_backend_optimization_level=0",
        "--xla_llvm_disable_expensive_passes=true",
        "--xla_cpu_use_fusion_emitters=false",  # the older ones take a fourth of the time
    )
)

VARIABLES = {
    "JAX_COMPILATION_CACHE_DIR": os.environ["COMPILED_ONCE"],
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_FLAGS": QUICK,
}
