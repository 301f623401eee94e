#!/usr/bin/env python3
"""embed.py FILE NAME OUT: a C file that holds the picture FILE, as host/NAME.h declares it."""
import sys


def main():
    path, name, out = sys.argv[1:]
    with open(path, 'rb') as f:
        data = f.read()
    lines = [','.join('%d' % byte for byte in data[at:at + 32]) for at in range(0, len(data), 32)]
    with open(out, 'w', encoding='ascii') as f:
        f.write('#include "host/%s.h"\n\nconst unsigned char %s_png[] = {\n%s};\n'
                'const size_t %s_png_size = sizeof(%s_png);\n'
                % (name, name, ',\n'.join(lines), name, name))


if __name__ == '__main__':
    main()
