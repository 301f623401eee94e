"""A script's view of the console: HTTPS requests to `earthshine serve`, with and without a login."""

import http.client
import json
import ssl

import harness
from harness_serve import Failed

PASSWORD = 'correct horse battery'


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


def plain(port, path):
    """What a listener without TLS answers."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=harness.WAIT)
    connection.request('GET', path)
    return Answer(connection.getresponse())


class Web:
    """One connection at a time, kept; whoever asks says who they are by headers."""

    def __init__(self, host):
        self.host = host
        self.name = f'127.0.0.1:{host.console}'
        self.origin = 'https://' + self.name
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE  # it is self-signed, and new
        self.cookie = None
        self.connection = None

    def ask(self, method, path, body=None, headers=None, cookie=True, origin=True):
        """`headers` replace what a browser would send; None as a value leaves one out."""
        sent = {'Host': self.name}
        if origin and method not in ('GET', 'HEAD'):
            sent['Origin'] = self.origin
        if cookie and self.cookie:
            sent['Cookie'] = self.cookie
        if body is not None:
            sent['Content-Type'] = 'application/json'
            body = json.dumps(body)
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        for _ in range(2):  # a kept connection may have ended
            try:
                return self.send(method, path, body, sent)
            except (http.client.RemoteDisconnected, ConnectionError):
                self.connection.close()
                self.connection = None
        raise Failed(f'{method} {path}: no answer')

    def send(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(
                '127.0.0.1', self.host.console, timeout=harness.WAIT, context=self.context)
        self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        data = body.encode() if body is not None else None
        for name, value in headers.items():
            self.connection.putheader(name, value)
        if data is not None:
            self.connection.putheader('Content-Length', str(len(data)))
        self.connection.endheaders(data)
        answer = Answer(self.connection.getresponse())
        if answer.headers.get('Set-Cookie'):
            self.cookie = answer.headers['Set-Cookie'].split(';')[0]
        return answer

    def open(self, password=PASSWORD):
        """The first visit: by the one-time link."""
        link = self.host.cli_json('console')
        answer = self.ask('POST', '/api/v1/password', {'password': password, 'setup': link['setup']})
        if answer.status != 200:
            raise Failed(f'{answer.status}: {answer.body}')
        return self

    def token(self, role):
        """The headers of a script with that role."""
        made = self.ask('POST', '/api/v1/tokens', {'name': role, 'role': role}).json()
        return {'Authorization': 'Bearer ' + made['token']}
