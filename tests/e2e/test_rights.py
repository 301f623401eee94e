"""What each process may do while a session streams, and that nothing more can be done."""

import ctypes
import os
import re
import signal
import socket
import subprocess
import unittest

import harness
import harness_serve
from harness import SANITIZED, Process, read_file

CONFINED = os.environ.get('CONFINED') or os.path.join(harness.BUILD, 'tests/tools/confined')
ROOMS = ('earthshine-encode', 'earthshine-stream')

# What may be open, by kind; everything else is one too many.
ALWAYS = (r'/dev/null', r'socket:', r'/proc/\d+/status')
STDERR = (r'pipe:', r'/.*/(stderr-|host\.log).*', r'/dev/pts/\d+')
LOOP = (r'anon_inode:\[(eventfd|eventpoll|timerfd|signalfd|pidfd)\]', r'pidfd:.*')
OPEN = {
    # frames, the ring of units
    'earthshine-encode': ALWAYS + STDERR + LOOP + (r'/memfd:.*', r'anon_inode:sync_file', r'/dmabuf:.*'),
    'earthshine-stream': ALWAYS + STDERR + LOOP + (r'/memfd:earthshine-units.*', r'/.*/out\.mkv'),
}


def landlock_abi():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(444, None, 0, 1)


class Look:
    """For tests that look at processes."""

    def status(self, process, key):
        found = re.search(rf'^{key}:\s*(\S+)', read_file(f'/proc/{process.pid}/status').decode(), re.M)
        self.assertTrue(found, f'{process} has {key}')
        return found.group(1)

    def check_confined(self, process):
        for path in os.listdir(f'/proc/{process.pid}/task'):
            thread = Process(f'{process.pid}/task/{path}')
            if SANITIZED and int(path) != process.pid:
                continue  # those of the sanitizer come first
            self.assertEqual(self.status(thread, 'NoNewPrivs'), '1', process)
            self.assertEqual(self.status(thread, 'Seccomp'), '2', process)
            for kind in ('CapEff', 'CapPrm', 'CapInh', 'CapAmb'):
                self.assertEqual(int(self.status(thread, kind), 16), 0, (process, kind))

    def check_filtered(self, process):
        """With the threads of its libraries, older than the filter."""
        for path in os.listdir(f'/proc/{process.pid}/task'):
            thread = Process(f'{process.pid}/task/{path}')
            self.assertEqual(self.status(thread, 'NoNewPrivs'), '1', process)
            self.assertEqual(self.status(thread, 'Seccomp'), '2', process)
        self.assertEqual(int(self.status(process, 'CapEff'), 16), 0, process)

    def check_memory(self, process):
        both = [line for line in read_file(f'/proc/{process.pid}/maps').decode().splitlines()
                if re.match(r'\S+ .wx', line)]
        self.assertEqual(both, [], f'{process} has memory that is written and executed')

    def check_open(self, process):
        try:
            names = os.listdir(f'/proc/{process.pid}/fd')
        except PermissionError:  # that is how well it hides
            self.assertEqual(process.name, 'earthshine-stream')
            self.assertNotEqual(os.getuid(), 0)
            return
        for name in names:
            try:
                target = os.readlink(f'/proc/{process.pid}/fd/{name}')
            except FileNotFoundError:
                continue
            allowed = OPEN[process.name]
            if SANITIZED:
                allowed += (r'/.*/sanitizer.*',)
            self.assertTrue(any(re.fullmatch(kind + '.*' if kind.endswith(':') else kind, target)
                                for kind in allowed), f'{process} has {name} -> {target}')

    def check_hidden(self, process, hidden):
        """Files in /proc of a process that hides its memory belong to root; who is root sees it by the
        size of a core file alone."""
        limit = re.search(r'^Max core file size\s+(\S+)', read_file(f'/proc/{process.pid}/limits').decode(),
                          re.M).group(1)
        if hidden:
            self.assertEqual(os.stat(f'/proc/{process.pid}/environ').st_uid, 0)
            self.assertEqual(limit, '0')
        elif os.getuid() != 0:
            self.assertEqual(os.stat(f'/proc/{process.pid}/environ').st_uid, os.getuid())


class Record(Look, harness.Case):
    def test_run(self):
        log = self.place.file('log')
        run = self.run_app(harness.paint(log=log), '-s', '640x360@60')
        run.wait_ready()
        harness.wait_commits(log, 20)
        for name in ROOMS:
            process = run.room(name.split('-')[1])
            self.check_confined(process)
            self.check_open(process)
            self.check_memory(process)
            self.check_hidden(process, name == 'earthshine-stream')
        self.check_filtered(run.room('display'))
        # The app's world is as it would be without us: setuid helpers, sandboxes of its own.
        process = self.place.process('paint')
        for key in ('NoNewPrivs', 'Seccomp', 'CapBnd'):
            self.assertEqual(self.status(process, key), self.own(key), process)
        self.assertEqual(run.stop(), 130, run.messages())

    def own(self, key):
        return self.status(Process(os.getpid()), key)

    def test_environment(self):
        """What the service manager says to the host is not for the rooms."""
        run = self.run_app(harness.paint(), '-s', '320x240@60',
                           env={'NOTIFY_SOCKET': '/nowhere', 'WATCHDOG_USEC': '1', 'LISTEN_PID': '1'})
        run.wait_ready()
        room = run.room('encode')
        names = {one.split(b'=')[0] for one in read_file(f'/proc/{room.pid}/environ').split(b'\0')}
        self.assertIn(b'XDG_RUNTIME_DIR', names)
        self.assertFalse(names & {b'NOTIFY_SOCKET', b'WATCHDOG_USEC', b'LISTEN_PID'})
        self.assertEqual(run.stop(), 130, run.messages())

    def test_off(self):
        """The way out for a driver that does not work so; it is told."""
        run = self.run_app(harness.paint(), '-s', '320x240@60', env={'EARTHSHINE_CONFINE': 'off'})
        run.wait_ready()
        self.assertEqual(self.status(run.room('stream'), 'Seccomp'), self.own('Seccomp'))
        self.assertEqual(run.stop(), 130, run.messages())
        self.assertIn('not confined, as EARTHSHINE_CONFINE=off says', run.messages())


class Serve(Look, harness_serve.ServeCase):
    def test_serve(self):
        host = self.serve()
        stream = host.device().paired().play(app=1).wait_playing()
        for name in ROOMS:
            process = host.room(name.split('-')[1])
            self.check_confined(process)
            self.check_open(process)
            self.check_memory(process)
            self.check_hidden(process, name == 'earthshine-stream')
        self.assertEqual(os.stat(f'/proc/{host.popen.pid}/environ').st_uid, 0)
        self.check_stream(stream.quit(), frames=1)


@unittest.skipIf(SANITIZED, 'a sanitizer\'s own code may open files and start programs')
class Forbidden(harness.Case):
    """Each room's rights, applied by the room's own table, and everything tried that they leave out."""

    def try_all(self, room):
        secret = self.place.file('secret')
        with open(secret, 'w', encoding='utf-8') as file:
            file.write('a key')
        path = self.place.file('socket')
        sockets = []
        for name in (path, '\0' + path):
            sockets.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            sockets[-1].bind(name)
        other = subprocess.Popen(['sleep', '60'])
        try:
            result = subprocess.run([CONFINED, room, secret, path, str(other.pid)], check=False, timeout=30,
                                    env={**self.place.env, 'EARTHSHINE_CONFINE': 'on'},
                                    capture_output=True, text=True)
        finally:
            other.kill()
            other.wait()
            for one in sockets:
                one.close()
        print(result.stdout, result.stderr)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn('system calls filtered', result.stderr)
        if landlock_abi() > 0:
            self.assertNotIn('without Landlock', result.stderr)

    def test_encoder(self):
        self.try_all('encoder')

    def test_device_encoder(self):
        self.try_all('device-encoder')

    def test_streamer(self):
        self.try_all('streamer')

    def test_display(self):
        self.try_all('display')

    def test_killed(self):
        """That the tests would see a call too many."""
        result = subprocess.run([CONFINED, 'streamer', '/etc/passwd', '/none', '1'], check=False,
                                env={**self.place.env, 'EARTHSHINE_CONFINE': 'kill'}, timeout=30,
                                stdout=subprocess.DEVNULL)
        self.assertEqual(result.returncode, -signal.SIGSYS)


if __name__ == '__main__':
    harness.main()
