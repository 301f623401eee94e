"""Debian's Chromium, driven through browser.mjs; and a network of one's own, in which the host has an address
that is not localhost."""

import json
import os
import shutil
import subprocess
import sys
import threading
import unittest

import harness

ADDRESS = '192.0.2.2'  # of the block that is for examples
HERE = os.path.dirname(os.path.abspath(__file__))
CHROMIUM = '/usr/bin/chromium'
PLAYWRIGHT = '/usr/share/nodejs/playwright-core'
TIMEOUT_MS = harness.WAIT * 1000
INSIDE = 'EARTHSHINE_TEST_NETWORK'


class BrowserError(Exception):
    """What the browser says."""


def enter_network():
    """Becomes this program again, in a network of its own where this machine is ADDRESS."""
    if os.environ.get(INSIDE):
        return
    setup = f'ip link set lo up && ip address add {ADDRESS}/32 dev lo && exec "$@"'
    os.execvpe('unshare', ['unshare', '--user', '--map-root-user', '--net', 'sh', '-c', setup, 'sh',
                           sys.executable, *sys.argv], {**os.environ, INSIDE: '1'})


def need_browser():
    for path in (CHROMIUM, PLAYWRIGHT):
        if not os.path.exists(path):
            raise unittest.SkipTest(f'{path} is missing: install chromium, nodejs and node-playwright')


class Browser:
    """One Chromium with one page; its microphone is a WAV file."""

    def __init__(self, place, width=1280, height=800, scheme='light', microphone=''):
        self.home = place.file(f'browser-{os.urandom(4).hex()}')
        os.mkdir(self.home)
        self.lock = threading.Lock()
        with open(os.path.join(self.home, 'stderr'), 'wb') as stderr:
            self.popen = subprocess.Popen(
                ['node', os.path.join(HERE, 'browser.mjs'), CHROMIUM, str(width), str(height), scheme,
                 str(TIMEOUT_MS)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                env={**place.env, 'HOME': self.home, 'TMPDIR': self.home, 'XDG_RUNTIME_DIR': self.home, 'XDG_CONFIG_HOME': self.home,
                     'XDG_CACHE_HOME': self.home, 'FAKE_MICROPHONE': microphone})
        self.answer()

    def answer(self):
        line = self.popen.stdout.readline()
        if not line:
            raise BrowserError(harness.read_file(os.path.join(self.home, 'stderr')).decode(errors='replace'))
        answer = json.loads(line)
        if 'error' in answer:
            raise BrowserError(answer['error'] + '\n' + '\n'.join(self.messages()[-10:]))
        return answer.get('value')

    def call(self, on, call, *args):
        with self.lock:
            line = json.dumps({'on': on, 'call': call, 'args': args}) + '\n'
            self.popen.stdin.write(line.encode())
            self.popen.stdin.flush()
            return self.answer()

    def messages(self):
        self.popen.stdin.write(b'{"on":"own","call":"messages"}\n')
        self.popen.stdin.flush()
        return json.loads(self.popen.stdout.readline())['value']

    # --- the page

    def goto(self, url):
        self.call('page', 'goto', url)

    def click(self, selector, **options):
        self.call('page', 'click', selector, options)

    def type(self, selector, text):
        self.call('page', 'fill', selector, text)

    def wait(self, selector, **options):
        self.call('page', 'waitForSelector', selector, options)

    def gone(self, selector):
        self.wait(selector, state='hidden')

    def text(self, selector):
        return self.call('page', 'textContent', selector)

    def js(self, expression):
        return self.call('page', 'evaluate', expression)

    def until(self, expression, timeout=TIMEOUT_MS):
        """Waits for JavaScript to become true."""
        self.call('own', 'until', expression, timeout)

    def count(self, selector):
        return self.call('own', 'count', selector)

    def frame(self, selector):
        return self.call('own', 'frame', selector)

    def size(self, width, height):
        self.call('page', 'setViewportSize', {'width': width, 'height': height})

    def shot(self, path, **options):
        self.call('page', 'screenshot', {'path': path, **options})

    def upload(self, selector, path):
        self.call('own', 'upload', selector, path)

    def download(self, selector, path):
        return self.call('own', 'download', selector, path)

    def close(self):
        if self.popen.poll() is None:
            self.popen.stdin.close()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self.popen.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)

    kill = close  # as the harness ends its programs
