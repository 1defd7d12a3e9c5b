"""`python -m deepkoal.cli`."""

import sys

from deepkoal.cli.main import main

sys.exit(main())
