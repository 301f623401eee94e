#!/usr/bin/env python3
"""A client that was generated from docs/openapi.json, by somebody else's generator, lists the sessions; and
what the doctor says is what the document declares."""

import hashlib
import json
import os
import ssl
import subprocess

import harness
import harness_serve
import harness_web

FOLDER = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(FOLDER, '..', '..', 'docs', 'openapi.json')


class ApiClient(harness_serve.ServeCase):
    def setUp(self):
        super().setUp()
        self.host = self.serve({'paint': self.paint()})
        self.web = harness_web.Web(self.host).open()

    def ask(self, token, session, fingerprint=None):
        """The answers to the program's questions."""
        command = ['perl', os.path.join(FOLDER, 'api_client.pl'), DOCUMENT, self.web.origin,
                   fingerprint or self.fingerprint(), str(session)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60,
                                env={**os.environ, 'TOKEN': token})
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def fingerprint(self):
        """Of what the host keeps, not of what the connection shows."""
        with open(self.place.file('state/earthshine/identity.json'), encoding='utf-8') as file:
            pem = json.load(file)['certificate']
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def test_lists_sessions(self):
        harness.need('perl')
        if subprocess.run(['perl', '-MOpenAPI::Client', '-MIO::Socket::SSL', '-e1'],
                          capture_output=True, timeout=60).returncode != 0:
            self.skipTest('OpenAPI::Client and IO::Socket::SSL of Perl are needed')
        made = self.web.ask('POST', '/api/v1/sessions', {
            'app': 1, 'width': 320, 'height': 180, 'refresh_mhz': 30000, 'codec': 'h264'}).json()
        token = self.web.token('view')['Authorization'].split()[1]
        listed, one, refused = self.ask(token, made['id'])
        self.assertEqual(listed['status'], 200, listed)
        self.assertEqual([(s['id'], s['title'], s['width']) for s in listed['body']['sessions']],
                         [(made['id'], 'paint', 320)])
        self.assertEqual((one['status'], one['body']['id']), (200, made['id']))
        self.assertEqual((refused['status'], refused['connected']), (400, False))  # never sent
        self.assertEqual(self.ask('es_' + 64 * '0', made['id'])[0]['status'], 401)
        stranger = self.ask(token, made['id'], fingerprint=64 * '0')[0]
        self.assertIsNone(stranger['status'], stranger)  # the certificate counts
        self.host.cli('stop')
        self.host.wait_no_session()

    def test_doctor(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest('jsonschema of Python is needed')
        with open(DOCUMENT, encoding='utf-8') as file:
            schemas = json.load(file)['components']
        answer = self.web.ask('GET', '/api/v1/doctor')
        self.assertEqual(answer.status, 200, answer.body)
        self.assertGreater(len(answer.json()['items']), 5)
        schema = {'$ref': '#/components/schemas/Doctor', 'components': schemas}
        for item in schemas['schemas'].values():
            item.setdefault('additionalProperties', False)  # what is said must be declared
        jsonschema.Draft202012Validator(schema).validate(answer.json())


if __name__ == '__main__':
    harness_serve.main()
