#!/usr/bin/env python3
"""The console's door: every route refuses whoever may not use it, every answer carries what keeps other
sites out, and no secret is in a log."""

import os
import signal
import socket
import subprocess
import unittest

import harness_web
from harness_serve import ServeCase, wait_until

ROLES = ['none', 'view', 'play', 'admin']
HEADERS = {'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
           'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Resource-Policy': 'same-origin',
           'X-Frame-Options': 'DENY'}


class ConsoleDoors(ServeCase):
    def setUp(self):
        super().setUp()
        self.host = self.serve({'paint': self.paint()}, settings=['metrics-address 127.0.0.1:0'])
        self.web = harness_web.Web(self.host)

    def check_headers(self, answer, what):
        for name, value in HEADERS.items():
            self.assertEqual(answer.headers.get_all(name), [value], (what, name))
        policy = answer.headers['Content-Security-Policy']
        self.assertIn("frame-ancestors 'none'", policy, what)
        self.assertNotIn('unsafe', policy, what)
        for name in answer.headers:
            self.assertFalse(name.lower().startswith('access-control-'), (what, name))

    def expect(self, status, method, path, **how):
        body = {} if method in ('POST', 'PUT', 'PATCH') else None
        answer = self.web.ask(method, path, body, **how)
        self.check_headers(answer, (method, path))
        self.assertEqual(answer.status, status, (method, path, how, answer.body))
        return answer

    def test_doors(self):
        self.check_login()
        self.check_no_certificate_is_asked_for()
        self.check_crowd()
        self.check_health()
        self.check_the_users_certificate()

    def test_every_route_refuses(self):
        self.check_other_answers()
        web = self.web.open()
        tokens = {role: web.token(role) for role in ROLES[1:]}
        routes = web.ask('GET', '/api/v1/help').json()['routes']
        self.assertGreater(len(routes), 20)
        for route in routes:
            self.refuse(route, tokens)
        self.assertEqual(web.ask('GET', '/api/v1/me').json()['role'], 'admin')  # none had an effect

    def refuse(self, route, tokens):
        method, role = route['method'], route['role']
        path = route['path'].replace('{id}', '4000000000').replace('{name}', 'no-such-name')
        rank = ROLES.index(role)
        if rank > 0:
            self.expect(401, method, path, cookie=False)
            self.expect(401, method, path, cookie=False, headers={'Cookie': '__Host-earthshine=' + 64 * '0'})
            self.expect(401, method, path, headers={'Authorization': 'Bearer es_' + 64 * '0'})
            self.expect(401, method, path, headers={'Authorization': 'Basic YWRtaW46YWRtaW4='})
        for lower in ROLES[1:rank]:
            self.expect(403, method, path, cookie=False, headers=tokens[lower])
        if route['confirm']:
            answer = self.expect(403, method, path, cookie=False, headers=tokens['admin'])
            self.assertIs(answer.json()['confirm'], True)
        # with a good login
        self.expect(403, method, path, headers={'Origin': 'https://evil.example'})
        self.expect(403, method, path, headers={'Origin': 'null'})
        self.expect(403, method, path, headers={'Sec-Fetch-Site': 'cross-site'})
        self.expect(403, method, path, headers={'Sec-Fetch-Site': 'same-site'})
        self.expect(421, method, path, headers={'Host': 'evil.example:' + str(self.host.console)})
        if method != 'GET':
            self.expect(403, method, path, origin=False)
        if method not in ('GET', 'DELETE'):
            self.expect(415, method, path, headers={'Content-Type': 'text/plain'})

    def check_other_answers(self):
        for method, path, status in (('GET', '/', 200), ('GET', '/nothing', 404), ('POST', '/', 405),
                                     ('GET', '/api/v1/nothing', 404), ('DELETE', '/api/v1/info', 405),
                                     ('OPTIONS', '/api/v1/apps', 405), ('HEAD', '/', 200),
                                     ('GET', '/api/v1/apps/%2e%2e/clients', 404),
                                     ('GET', '/api/v1/recordings/..%2f..%2fconsole.json', 404)):
            self.expect(status, method, path)
        answer = self.web.ask('GET', '/api/v1/apps?' + 'x' * 20000)
        self.check_headers(answer, 'long')

    def check_login(self):
        web = self.web
        link = self.host.cli('console')
        self.assertIn(f'https://localhost:{self.host.console}/#setup=', link.stdout)
        secret = link.stdout.split('#setup=')[1].split()[0]
        self.assertEqual(os.stat(self.place.file('state/earthshine/console-setup')).st_mode & 0o777, 0o600)
        web.open()
        first = web.cookie
        answer = web.ask('POST', '/api/v1/login', {'password': harness_web.PASSWORD}, cookie=False)
        self.assertEqual(answer.status, 200)
        attributes = answer.headers['Set-Cookie'].split('; ')
        self.assertTrue(attributes[0].startswith('__Host-earthshine='))
        for attribute in ('Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict'):
            self.assertIn(attribute, attributes)
        self.assertNotIn('#setup=', self.host.cli('console').stdout)
        # A link again for who has forgotten the password; it ends all logins.
        reset = self.host.cli('console', 'reset').stdout.split('#setup=')[1].split()[0]
        self.assertEqual(web.ask('POST', '/api/v1/password', {'password': 'staple staple', 'setup': reset},
                                 cookie=False).status, 200)
        self.assertEqual(web.ask('GET', '/api/v1/status', headers={'Cookie': first}).status, 401)
        token = web.token('view')['Authorization'].split()[1]
        web.ask('GET', '/api/v1/status?' + token)
        for _ in range(5):
            self.assertEqual(web.ask('POST', '/api/v1/login', {'password': 'wrong'}).status, 401)
        answer = web.ask('POST', '/api/v1/login', {'password': 'staple staple'})
        self.assertEqual(answer.status, 429)
        self.assertGreater(int(answer.headers['Retry-After']), 0)
        messages = self.host.messages()
        for text in (secret, reset, harness_web.PASSWORD, 'staple staple', 'wrong"', token,
                     first.split('=')[1]):
            self.assertNotIn(text, messages)

    def check_no_certificate_is_asked_for(self):
        def sees(port):
            return subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{port}'],
                                  input=b'', capture_output=True, timeout=30).stdout
        self.assertIn(b'Requested Signature Algorithms', sees(self.host.https))
        self.assertNotIn(b'Requested Signature Algorithms', sees(self.host.console))

    def check_the_users_certificate(self):
        def make(name):
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                            'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=' + name, '-keyout',
                            key, '-out', cert], check=True, capture_output=True, timeout=30)

        def seen():
            return subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{self.host.console}'],
                                  input=b'', capture_output=True, timeout=30).stdout.decode()
        key, cert = self.place.file('key.pem'), self.place.file('cert.pem')
        make('first.example')
        self.assertNotIn('first.example', seen())
        with open(self.host.config, 'a', encoding='utf-8') as file:
            file.write(f'console-certificate "{cert}" "{key}"\n')
        self.host.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: 'first.example' in seen(), 'the certificate is shown')
        with open(key, 'w', encoding='utf-8') as file:
            file.write('no key\n')
        self.host.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: 'keeps the certificate' in self.host.messages(), 'the key is refused')
        self.assertIn('first.example', seen())

    def check_health(self):
        for path, status in (('/healthz', 200), ('/readyz', 200), ('/', 404), ('/api/v1/info', 404)):
            self.assertEqual(harness_web.plain(self.host.metrics, path).status, status, path)

    def test_a_websocket_ends_with_its_login(self):
        self.web.open()
        made = self.web.ask('POST', '/api/v1/sessions', {
            'app': 1, 'width': 320, 'height': 180, 'refresh_mhz': 30000, 'codec': 'h264'}).json()
        lines = [f'GET /api/v1/sessions/{made["id"]}/player HTTP/1.1', f'Host: {self.web.name}',
                 f'Origin: {self.web.origin}', f'Cookie: {self.web.cookie}', 'Upgrade: websocket',
                 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
                 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '']
        plain = socket.create_connection(('127.0.0.1', self.host.console), timeout=30)
        with self.web.context.wrap_socket(plain) as player:
            player.sendall('\r\n'.join(lines).encode())
            data = b''
            while b'\r\n\r\n' not in data or not data.split(b'\r\n\r\n', 1)[1]:
                more = player.recv(65536)
                self.assertTrue(more, data)
                data += more
            self.assertIn(b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', data)
            self.assertEqual(self.web.ask('POST', '/api/v1/logout', {}).status, 200)
            while player.recv(65536):  # what was on its way, and then the end
                pass
        self.host.cli('stop')
        self.host.wait_no_session()

    def check_crowd(self):
        """More connections than one address may have: the rest is closed at once."""
        idle = [socket.create_connection(('127.0.0.1', self.host.console)) for _ in range(60)]
        wait_until(lambda: sum(map(is_closed, idle)) >= 12, 'some are hung up on')
        for connection in idle:
            connection.close()
        wait_until(lambda: self.web.ask('GET', '/api/v1/info').status == 200, 'all is well')


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b''
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


if __name__ == '__main__':
    unittest.main()
