#!/usr/bin/env python3
"""Fails on a program of ours that is built without what makes it hard to take over: at a random address,
its tables of functions read-only from the start, guarded stacks, checked copies, no memory that is both
written and executed; on x86, targets of jumps that are marked.

    check_hardening.py optimised|plain PROGRAM...
"""
import re
import subprocess
import sys

ENDBR64 = b'\xf3\x0f\x1e\xfa'


def readelf(*args):
    return subprocess.run(['readelf', '--wide', *args], check=True, capture_output=True, text=True).stdout


def code(program):
    with open(program, 'rb') as file:
        return file.read()


def findings(program, optimised):
    header, dynamic = readelf('--file-header', program), readelf('--dynamic', program)
    segments, symbols = readelf('--segments', program), readelf('--dyn-syms', program)
    if not re.search(r'Type:\s+DYN', header) or not re.search(r'FLAGS_1.*\bPIE\b', dynamic):
        yield 'is not position independent'
    if 'GNU_RELRO' not in segments or not re.search(r'FLAGS.*\b(BIND_)?NOW\b', dynamic):
        yield 'binds its functions lazily, in memory that stays writable'
    if re.search(r'(RPATH|RUNPATH)\)\s.*\[(?!\$ORIGIN)[^/]', dynamic):
        yield 'looks for libraries in a relative folder'
    stack = re.search(r'GNU_STACK.*?(R..?)\s+0x', segments)
    if stack is None or 'E' in stack.group(1):
        yield 'has an executable stack'
    if re.search(r'LOAD.*\bRWE\b', segments):
        yield 'has memory that is written and executed'
    if '__stack_chk_fail' not in symbols:
        yield 'has no guarded stacks'
    if optimised and not re.search(r'__\w+_chk@', symbols.replace('__stack_chk_fail', '')):
        yield 'has no checked copies (_FORTIFY_SOURCE)'
    # Not the program's property: that is lost where the C library's own start files have none.
    if 'X86-64' in header and code(program).count(ENDBR64) < 5:
        yield 'has no marked targets of jumps (-fcf-protection)'


def main():
    optimised, programs = sys.argv[1] == 'optimised', sys.argv[2:]
    found = [f'{program} {text}' for program in programs for text in findings(program, optimised)]
    for line in found:
        print(line)
    print(f'{len(programs)} programs, {len(found)} findings')
    sys.exit(bool(found) or not programs)


if __name__ == '__main__':
    main()
