#!/usr/bin/env python3
"""`earthshine serve` as a service: its ports, its start and end, what it is told by signals."""

import os
import random
import re
import select
import signal
import socket
import stat
import subprocess
import threading
import unittest

import harness
from harness import read_file

SOCKET_UNIT = os.path.join(os.path.dirname(__file__), '../../data/systemd/earthshine.socket')
READY = re.compile(r'^HTTP=(\d+) HTTPS=(\d+) RTSP=(\d+) CONSOLE=\d+\n$')


class Serve:
    """One host. `fds` become 3, 4, 5 as from systemd."""

    def __init__(self, place, *options, config='', env=None, names=None, fds=()):
        self.path = place.file('config')
        self.write_config(config)
        self.log = place.file(f'log-{len(os.listdir(place.path))}')
        self.env = {**place.env, 'XDG_STATE_HOME': place.file('state'), 'XDG_CONFIG_HOME': place.path,
                    'XDG_CACHE_HOME': place.file('cache'), **(env or {})}
        self.ready, write_fd = os.pipe()
        command = [harness.EARTHSHINE, 'serve', '--config', self.path, '--ready-fd', str(write_fd), *options]
        if names is not None:
            moves = ' '.join(f'{3 + i}<&{fd}' for i, fd in enumerate(fds))
            command = ['bash', '-c', f'exec {moves}; export LISTEN_PID=$$; exec "$0" "$@"', *command]
            self.env.update(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
        with open(self.log, 'wb') as log:
            self.popen = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stderr=log,
                                          stdout=subprocess.PIPE, pass_fds=[write_fd, *fds])
        os.close(write_fd)

    def write_config(self, config):
        with open(self.path, 'w', encoding='utf-8') as file:
            listen = '' if 'listen' in config else 'listen 127.0.0.1\n'
            file.write('announce no\ninhibit-sleep no\n' + listen + config)

    def wait_ready(self):
        select.select([self.ready], [], [], harness.WAIT)
        line = os.read(self.ready, 100).decode()
        found = READY.match(line)
        assert found, (line, self.messages())
        self.ports = [int(port) for port in found.groups()]
        return self

    def messages(self):
        return harness.read_file(self.log).decode(errors='replace')

    def cli(self, *words):
        return subprocess.run([harness.EARTHSHINE, *words], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def wait(self, timeout=harness.WAIT):
        status = self.popen.wait(timeout)
        self.close()
        return status

    def end(self, signo=signal.SIGTERM):
        self.popen.send_signal(signo)
        return self.wait()

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        self.popen.stdout.close()
        if self.ready >= 0:
            os.close(self.ready)
        self.ready = -1


def serverinfo(port):
    with socket.create_connection(('127.0.0.1', port), timeout=harness.WAIT) as sock:
        sock.sendall(b'GET /serverinfo HTTP/1.1\r\nHost: x\r\n\r\n')
        answer = b''
        while True:
            more = sock.recv(65536)
            if not more:
                return answer
            answer += more


def listener(port=0):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(('127.0.0.1', port))
    sock.listen()
    return sock


def free_base():
    """A base port whose three are all free, and none of those that the kernel gives to whoever wants any."""
    first = int(read_file('/proc/sys/net/ipv4/ip_local_port_range').split()[0])
    while True:
        base = random.randrange(2000, first - 100)
        try:
            for port in (base, base - 5, base + 21):
                listener(port).close()
            return base
        except (OSError, OverflowError):
            pass


class TestServe(harness.Case):
    def serve(self, *options, **more):
        host = Serve(self.place, *options, **more)
        self.addCleanup(host.close)
        return host

    def tearDown(self):
        self.doCleanups()  # ends the hosts of a test that has failed
        folder = os.path.join(self.place.runtime, 'earthshine')
        if os.path.isdir(folder):
            os.rmdir(folder)  # stays, but empty
        super().tearDown()

    def test_starts_and_ends(self):
        for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            host = self.serve('--port', '0', '--name', 'Küche & <co>').wait_ready()
            self.assertIn('<hostname>Küche &amp; &lt;co&gt;</hostname>'.encode(), serverinfo(host.ports[0]))
            self.assertIn('earthshine pair PIN', host.messages())
            self.assertEqual(host.end(signo), 0)

    def test_keeps_who_it_is(self):
        ids = set()
        for signo in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            host = self.serve('--port', '0').wait_ready()
            ids.add(re.search(rb'<uniqueid>([^<]+)<', serverinfo(host.ports[0])).group(1))
            self.assertEqual(host.end(signo), 0 if signo == signal.SIGTERM else -signal.SIGKILL)
        self.assertEqual(len(ids), 1)
        for folder, _, names in os.walk(self.place.file('state')):
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode) & 0o077, 0)
            for name in names:
                self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600, name)

    def test_ports_derived(self):
        base = free_base()
        host = self.serve(config=f'port {base}\n').wait_ready()
        self.assertEqual(host.ports, [base, base - 5, base + 21])
        self.assertIn(f'<HttpsPort>{base - 5}</HttpsPort>'.encode(), serverinfo(base))
        self.assertEqual(host.end(), 0)
        # At once again, although connections to it have just been closed.
        host = self.serve('--port', str(base)).wait_ready()
        self.assertEqual(host.end(), 0)

    def test_port_taken(self):
        """Each in turn: nothing is left open, and the message names port, owner and remedy."""
        for offset in (0, -5, 21):
            base = free_base()
            with listener(base + offset):
                host = self.serve('--port', str(base))
                self.assertEqual(host.wait(), 1)
                text = host.messages()
                self.assertIn(f'port {base + offset} is used by ', text)
                self.assertIn(f'(pid {os.getpid()})', text)
                self.assertIn('--port', text)

    def test_twice(self):
        """One state folder has one host; and so has one port."""
        host = self.serve('--port', '0').wait_ready()
        second = self.serve('--port', '0')
        self.assertEqual(second.wait(), 1)
        self.assertIn('another earthshine serve', second.messages())
        third = self.serve('--port', str(host.ports[0]), env={'XDG_STATE_HOME': self.place.file('other')})
        self.assertEqual(third.wait(), 1)
        # Only root sees which of another's files are open, and hosts let nobody look inside.
        owner = r'earthshine \(pid %d\)' % host.popen.pid if os.getuid() == 0 else 'another program'
        self.assertRegex(third.messages(), r'port \d+ is used by ' + owner)
        serverinfo(host.ports[0])
        self.assertEqual(host.end(), 0)

    def test_bad_words(self):
        for words, reason in ((['--port', '70000'], '70000'), (['--port', '80'], '80'), (['-p', '65530'], '65530'),
                              (['--prot', '1'], '--port'), (['--name', ''], 'name'), (['xterm'], 'xterm'),
                              (['--config', '/nowhere/at/all'], '/nowhere/at/all')):
            host = subprocess.run([harness.EARTHSHINE, 'serve', *words], env=self.place.env, timeout=60,
                                  capture_output=True, text=True)
            self.assertIn(host.returncode, (1, 2), words)
            self.assertIn(reason, host.stderr)
        for config, reason in (('listen 192.0.2.77\nport 0\n', '192.0.2.77'), ('prot 1\n', 'prot')):
            host = self.serve(config=config)
            self.assertEqual(host.wait(), 1)
            self.assertIn(reason, host.messages())

    def test_reload(self):
        host = self.serve('--port', '0', config='name one\n').wait_ready()
        host.write_config('name two\napp "Terminal" {\n\tcommand true\n}\n')
        host.popen.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: b'<hostname>two<' in serverinfo(host.ports[0]), 'the new name')
        self.assertIn('Terminal', host.cli('apps').stdout)
        host.write_config('name three\nnonsense\n')
        host.popen.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: 'the settings stay' in host.messages(), 'the refusal')
        self.assertIn(b'<hostname>two<', serverinfo(host.ports[0]))
        self.assertEqual(host.end(), 0)

    def test_socket_activation(self):
        for names in ('http:https:rtsp', 'a:b:c'):
            socks = [listener() for _ in range(3)]
            try:
                host = self.serve('--port', '0', names=names, fds=[sock.fileno() for sock in socks])
                if names == 'a:b:c':
                    self.assertEqual(host.wait(), 1)
                    self.assertIn('FileDescriptorName', host.messages())
                    continue
                host.wait_ready()
                self.assertEqual(host.ports, [sock.getsockname()[1] for sock in socks])
                serverinfo(host.ports[0])
                self.assertEqual(host.end(), 0)
            finally:
                for sock in socks:
                    sock.close()

    def test_sockets_of_one_unit(self):
        """As earthshine.socket has them: one name, ports that tell which is which."""
        with open(SOCKET_UNIT, encoding='utf-8') as file:
            ports = [int(line.rsplit(':', 1)[1]) for line in file if line.startswith('ListenStream=0.0.0.0:')]
        self.assertEqual(ports, [47984, 47989, 48010])
        base = free_base()
        socks = [listener(base + port - 47989) for port in ports]
        try:
            host = self.serve('--port', str(base), names=':'.join(['earthshine.socket'] * 3),
                              fds=[sock.fileno() for sock in socks]).wait_ready()
            self.assertEqual(host.ports, [base, base - 5, base + 21])
            serverinfo(base)
            self.assertEqual(host.end(), 0)
        finally:
            for sock in socks:
                sock.close()

    def test_tells_systemd(self):
        path = self.place.file('notify')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(harness.WAIT)
            host = self.serve('--port', '0', env={'NOTIFY_SOCKET': path}).wait_ready()
            text = notify.recv(4096).decode()
            self.assertIn('READY=1', text)
            self.assertIn(str(host.ports[0]), text)
            host.popen.send_signal(signal.SIGHUP)
            self.assertIn('RELOADING=1', notify.recv(4096).decode())
            self.assertIn('READY=1', notify.recv(4096).decode())
            host.popen.send_signal(signal.SIGTERM)
            self.assertIn('STOPPING=1', notify.recv(4096).decode())
            self.assertEqual(host.wait(), 0)

    @unittest.skipIf(os.getuid() == 0, 'root may look everywhere')
    def test_nobody_looks_inside(self):
        host = self.serve('--port', '0').wait_ready()
        with self.assertRaises(PermissionError):
            open(f'/proc/{host.popen.pid}/mem', 'rb').close()
        self.assertEqual(host.end(), 0)

    def test_ends_while_devices_wait(self):
        host = self.serve('--port', '0').wait_ready()
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(serverinfo(host.ports[0]))) for _ in range(4)]
        idle = [socket.create_connection(('127.0.0.1', port)) for port in host.ports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 4)
        self.assertEqual(host.end(), 0)
        for sock in idle:
            sock.close()


if __name__ == '__main__':
    harness.main()
