#!/usr/bin/env python3
"""Fails on calls that have no place in the programs, and on white space at the end of a line."""
import re

import sources

# no bounds, no error, hidden state, or a shell
BANNED = re.compile(
    r'\b(sprintf|vsprintf|strcpy|stpcpy|strcat|strtok|atoi|atol|atof|gets|popen|system|alloca)\s*\(')
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|//.*|/\*.*?\*/')
TEXT = ('.c', '.h', '.py', '.build', '.md', '.scd', '.txt', '.conf', '.supp', '.in', '.yml', '.awk',
        '.bash', '.fish', '.clang-format', '.editorconfig', '.gitignore', 'dev', 'tests/run')


def check_file(name):
    program = name.endswith('.c')
    for number, line in sources.lines(name):
        if line != line.rstrip():
            yield '%s:%d: white space at the end of the line' % (name, number)
        found = BANNED.search(LITERAL.sub('', line)) if program else None
        if found:
            yield '%s:%d: %s is banned' % (name, number, found.group(1))


def main():
    names = [name for name in sources.tracked() if name.endswith(TEXT)]
    sources.finish([finding for name in names for finding in check_file(name)], len(names))


if __name__ == '__main__':
    main()
