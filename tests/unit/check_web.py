"""Fails where the console's JavaScript contradicts its types (JSDoc, strict), or would be made from text:
no page of ours may be what a name of an app or a device says."""

import os
import re
import shutil
import subprocess
import sys

import sources

WEB = os.path.join('data', 'web')
FORBIDDEN = re.compile(r'innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|'
                       r'setAttribute\(.style|\sstyle=|<script>|\son[a-z]+="')
OPTIONS = ['--noEmit', '--allowJs', '--checkJs', '--strict', '--target', 'es2022', '--module', 'es2022',
           '--moduleResolution', 'bundler', '--lib', 'es2023,dom,dom.iterable']
WORKLETS = ('audio_queue.js', 'microphone_tap.js')  # of another world, which the library's types lack


def main():
    names = [name for name in sources.tracked() if name.startswith(WEB + os.sep)]
    wrong = [f'{name}:{number}: {text.strip()}' for name in names if name.endswith(('.js', '.html'))
             for number, text in sources.lines(name) if FORBIDDEN.search(text)]
    print('\n'.join(wrong))
    if wrong:
        return 1
    if shutil.which('tsc') is None:
        print('tsc is not installed: the types are not checked')
        return sources.SKIPPED
    scripts = [name for name in names if name.endswith('.js') and not name.endswith(WORKLETS)]
    return subprocess.run(['tsc', *OPTIONS, *scripts], cwd=sources.ROOT, check=False).returncode


sys.exit(main())
