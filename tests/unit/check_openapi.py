#!/usr/bin/env python3
"""Fails where docs/openapi.json is not what the program's table of routes says, or no valid description.

The second part is left out where there is no validator. Argument: the built program.
"""
import json
import os
import subprocess
import sys

import sources

PATH = os.path.join(sources.ROOT, 'docs', 'openapi.json')


def main():
    made = subprocess.run([sys.argv[1], 'openapi'], stdout=subprocess.PIPE, check=True).stdout
    with open(PATH, 'rb') as file:
        kept = file.read()
    if made != kept:
        print('docs/openapi.json is old; write it anew: earthshine openapi > docs/openapi.json')
        sys.exit(1)
    document = json.loads(kept)
    names = [op['operationId'] for path in document['paths'].values() for op in path.values()]
    if len(set(names)) != len(names):
        print('an operationId is there twice')
        sys.exit(1)
    try:
        import openapi_spec_validator
    except ImportError:
        print('no validator here')
        return
    openapi_spec_validator.validate(document)


if __name__ == '__main__':
    main()
