#!/usr/bin/env python3
"""Puts the routes of docs/openapi.json into a page in the place of a line @ROUTES@. Arguments: page, description."""
import json
import sys


def describe(path, method, operation):
    role = operation['x-role'] + (', after the password' if operation.get('x-confirm') else '')
    return f'*{method.upper()} {path}* ({role})\n\t{operation["summary"]}.\n'.replace('_', '\\_')


def main():
    with open(sys.argv[2], encoding='utf-8') as file:
        paths = json.load(file)['paths']
    routes = [describe(path, method, operation)
              for path, operations in paths.items() for method, operation in operations.items()]
    with open(sys.argv[1], encoding='utf-8') as file:
        print(file.read().replace('@ROUTES@', '\n'.join(routes)), end='')


if __name__ == '__main__':
    main()
