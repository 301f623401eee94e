#!/usr/bin/env python3
"""Fails where clang-format would write a line in another way. Skipped without clang-format."""
import shutil
import subprocess
import sys

import sources


def main():
    names = [name for name in sources.tracked() if name.endswith(('.c', '.h'))]
    if shutil.which('clang-format') is None:
        print('no clang-format here')
        sys.exit(sources.SKIPPED)
    result = subprocess.run(['clang-format', '--dry-run', '-Werror', '--style=file', *names],
                            cwd=sources.ROOT, check=False)
    sys.exit(1 if result.returncode != 0 or not names else 0)


if __name__ == '__main__':
    main()
