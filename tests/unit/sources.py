"""The files that the checks look at."""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77  # exit status that meson takes as "skipped"


def tracked():
    """What git knows, as paths from the root; without git (a tarball), all but build folders."""
    try:
        names = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z'], check=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        found = os.fsdecode(names).split('\0')[:-1]
    except (OSError, subprocess.CalledProcessError):
        found = walk()
    return sorted(name for name in found if os.path.isfile(os.path.join(ROOT, name)))


def walk():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(('build', '.', '__'))]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def lines(name):
    with open(os.path.join(ROOT, name), encoding='utf-8') as file:
        return list(enumerate(file.read().split('\n'), 1))


def finish(findings, n_files):
    for finding in findings:
        print(finding)
    print('%d files, %d findings' % (n_files, len(findings)))
    sys.exit(1 if findings or n_files == 0 else 0)
