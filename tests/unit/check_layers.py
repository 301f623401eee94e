#!/usr/bin/env python3
"""Fails on an include against the arrows: rooms stand on protocol/ and base/, never on each
other; protocol/ knows no I/O, threads or clocks; wlroots is the display's alone."""
import os
import re

import sources

ROOMS = {'host', 'compositor', 'encode', 'stream'}
FLOORS = {'protocol', 'base'}
# what the folder's own files may name in quotes
MAY_INCLUDE = {room: FLOORS | {room} for room in ROOMS}
MAY_INCLUDE['protocol'] = {'protocol'}
MAY_INCLUDE['base'] = {'base'}
NOT_IN_PROTOCOL = re.compile(
    r'(sys|net|netinet|arpa)/|(pthread|threads|time|unistd|fcntl|poll|signal|errno)\.h$')
# <stdio.h> is there for snprintf alone.
INPUT_OUTPUT = re.compile(r'\b(FILE|f?open|f?printf|puts|fputs|perror|stdout|stderr|stdin)\b')
GENERATED = re.compile(r'[a-z0-9-]+-protocol\.h$|[a-z0-9_]+_spv\.h$')  # protocols, shaders
INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')


def check_quoted(folder, name):
    if name == 'config.h' or GENERATED.match(name):
        return None
    top = name.split('/')[0]
    if '/' not in name or '..' in name or not os.path.isfile(os.path.join(sources.ROOT, name)):
        return '"%s" is not spelled from the root' % name
    if folder in MAY_INCLUDE and top not in MAY_INCLUDE[folder]:
        return '%s/ may not include "%s"' % (folder, name)
    return None


def check_system(folder, name):
    if name.startswith('wlr/') and folder not in ('compositor', 'tests'):
        return 'wlroots (<%s>) belongs into compositor/ only' % name
    if folder == 'protocol' and NOT_IN_PROTOCOL.match(name):
        return 'protocol/ may not include <%s>' % name
    if name.split('/')[0] in ROOMS | FLOORS:
        return '<%s>: ours are included in quotes' % name
    return None


def check_file(name):
    folder = name.split('/')[0]
    for number, line in sources.lines(name):
        if folder == 'protocol' and INPUT_OUTPUT.search(line.split('//')[0]):
            yield '%s:%d: protocol/ does no input or output' % (name, number)
        found = INCLUDE.match(line)
        if found:
            check = check_quoted if found.group(1) == '"' else check_system
            problem = check(folder, found.group(2))
            if problem:
                yield '%s:%d: %s' % (name, number, problem)


def main():
    names = [name for name in sources.tracked() if name.endswith(('.c', '.h'))]
    sources.finish([finding for name in names for finding in check_file(name)], len(names))


if __name__ == '__main__':
    main()
