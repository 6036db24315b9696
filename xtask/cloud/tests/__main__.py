"""`python -m tests`: runs them all; the last line is `N passed, N failed`."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path


def main() -> None:
    here = Path(__file__).parent
    suite = unittest.defaultTestLoader.discover(str(here), top_level_dir=str(here.parent))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len({str(test) for test, _ in [*result.failures, *result.errors]}) + len(result.unexpectedSuccesses)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    # A suite that found nothing has shown nothing.
    sys.exit(bool(failed) or result.testsRun == 0)


main()
