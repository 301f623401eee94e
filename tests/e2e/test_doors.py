#!/usr/bin/env python3
"""HTTP, HTTPS and RTSP of the host from outside, friendly and not: who is let in, what is answered,
and what a stranger can do to it. The program `doors` has no sessions behind them."""

import hashlib
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import harness

DOORS = os.environ.get('DOORS') or os.path.join(harness.BUILD, 'tests/tools/doors')
PAIRED_PATHS = ('/serverinfo', '/applist', '/appasset?appid=1', '/launch?appid=1', '/resume', '/cancel',
                '/pair?phrase=pairchallenge')
RIKEY = '00112233445566778899aabbccddeeff'
LAUNCH = f'&mode=1280x720x60&rikey={RIKEY}&rikeyid=-5&localAudioPlayMode=0&corever=1'
SLOW = 4 if harness.SANITIZED else 1


def openssl(*args, data=b''):
    return subprocess.run(['openssl', *args], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


class Certificate:
    """A key and its self-signed certificate, as a client makes them."""

    def __init__(self, folder, name, *args, key=('-newkey', 'rsa:2048'), subject='NVIDIA GameStream Client',
                 ca=False):
        self.pem, self.key = os.path.join(folder, name + '.pem'), os.path.join(folder, name + '.key')
        openssl('req', '-x509', *key, '-nodes', '-keyout', self.key, '-out', self.pem, '-subj',
                '/CN=' + subject, '-set_serial', '0', '-addext',
                'basicConstraints=CA:' + ('TRUE' if ca else 'FALSE'), *args)

    def text(self):
        return harness.read_file(self.pem)


class Doors:
    """The program, and its side of the talk."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='test-doors-')
        self.log = open(os.path.join(self.folder, 'log'), 'w+b')
        self.process = subprocess.Popen([DOORS, self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, env=dict(os.environ, EARTHSHINE_LOG='debug'))
        ports = dict(word.split('=') for word in self.line().split())
        self.http, self.https, self.rtsp = (int(ports[name]) for name in ('HTTP', 'HTTPS', 'RTSP'))

    def line(self):
        return self.process.stdout.readline().decode().strip()

    def tell(self, *words):
        self.process.stdin.write((' '.join(words) + '\n').encode())
        self.process.stdin.flush()

    def ask(self, *words):
        self.tell(*words)
        return self.line()

    def add(self, certificate, name='client'):
        answer = self.ask('add', name, certificate.pem)
        assert answer.startswith('client '), answer
        return answer.split()[1]

    def fds(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def finish(self):
        self.process.stdin.close()
        status = self.process.wait(20 * SLOW)
        self.process.stdout.close()
        self.log.seek(0)
        text = self.log.read().decode(errors='replace')
        self.log.close()
        shutil.rmtree(self.folder)
        return status, text


def tls_context(certificate=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate.pem, certificate.key)
    return context


def connect(port, source='127.0.0.1'):
    return socket.create_connection(('127.0.0.1', port), timeout=30 * SLOW, source_address=(source, 0))


def read_all(sock):
    data = b''
    while True:
        try:
            more = sock.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            return data
        if not more:
            return data
        data += more


def split(answer):
    """Status, headers in lower case, body."""
    head, _, body = answer.partition(b'\r\n\r\n')
    lines = head.decode().split('\r\n')
    return int(lines[0].split()[1]), [line.lower() for line in lines[1:]], body


def get(port, target, context=None, source='127.0.0.1'):
    sock = connect(port, source)
    try:
        if context:
            sock = context.wrap_socket(sock)
        sock.sendall(f'GET {target} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
        return split(read_all(sock))
    finally:
        sock.close()


def tag(body, name):
    found = re.findall(f'<{name}>([^<]*)</{name}>'.encode(), body)
    assert len(found) == 1, (name, body)
    return found[0].decode()


def root_status(body):
    return int(re.search(rb'<root status_code="(\d+)"', body).group(1))


class DoorsCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.need('openssl')
        cls.folder = tempfile.mkdtemp(prefix='test-certs-')
        cls.phone = Certificate(cls.folder, 'phone')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.doors = Doors()

    def tearDown(self):
        status, text = self.doors.finish()
        print(text)
        self.assertEqual(status, 0)
        for secret in (RIKEY, 'rikey', 'clientcert', 'getservercert', '1234567890abcdef'):
            self.assertNotIn(secret, text)


class TestWho(DoorsCase):
    def matrix(self):
        phone, folder = self.phone, self.folder
        leaf = os.path.join(folder, 'leaf.key'), os.path.join(folder, 'leaf.pem')
        request = openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', leaf[0], '-subj',
                          '/CN=NVIDIA GameStream Client')
        signed = openssl('x509', '-req', '-CA', phone.pem, '-CAkey', phone.key, '-days', '10', data=request)
        with open(leaf[1], 'wb') as out:
            out.write(signed + phone.text())
        chain = Certificate.__new__(Certificate)
        chain.key, chain.pem = leaf
        past = ('-not_before', '19700101000000Z', '-not_after', '19700102000000Z')
        future = ('-not_before', '20910101000000Z', '-not_after', '20920101000000Z')
        yield 'none', None
        yield 'unknown', Certificate(folder, 'unknown', subject='somebody')
        yield 'same subject, other key', Certificate(folder, 'same')
        yield 'same key, other certificate', Certificate(folder, 'twin', key=('-key', phone.key))
        yield 'expired', Certificate(folder, 'expired', *past)
        yield 'not yet valid', Certificate(folder, 'future', *future)
        yield 'authority', Certificate(folder, 'ca', ca=True)
        yield 'chain below the paired one', chain
        yield 'elliptic curve', Certificate(folder, 'ec', key=('-newkey', 'ec', '-pkeyopt',
                                                               'ec_paramgen_curve:P-256'))

    def test_matrix(self):
        """Only the very certificate that was paired; the others get a 401 in words, everywhere."""
        self.doors.add(self.phone)
        for name, certificate in self.matrix():
            context = tls_context()
            if certificate:
                context.load_cert_chain(certificate.pem, certificate.key)
            for path in PAIRED_PATHS + ('/nothing',):
                with self.subTest(name, path=path):
                    status, _, body = get(self.doors.https, path, context)
                    self.assertEqual((status, root_status(body)), (200, 401), body)
                    self.assertNotIn(b'<PairStatus>', body)
        self.assertEqual(self.doors.ask('counts'), 'launched 0 resumed 0 cancelled 0')
        _, _, body = get(self.doors.https, '/serverinfo', tls_context(self.phone))
        self.assertEqual(tag(body, 'PairStatus'), '1')

    def test_dates_of_the_paired_one(self):
        """Clocks of clients are bad: neither end of the validity counts."""
        for name, when in (('was', ('19700101000000Z', '19700102000000Z')),
                           ('will', ('20910101000000Z', '20920101000000Z'))):
            certificate = Certificate(self.folder, name, '-not_before', when[0], '-not_after', when[1])
            self.doors.add(certificate)
            _, _, body = get(self.doors.https, '/serverinfo', tls_context(certificate))
            self.assertEqual(tag(body, 'PairStatus'), '1')

    def test_what_cannot_be_paired(self):
        ca = Certificate(self.folder, 'authority', ca=True)
        ec = Certificate(self.folder, 'curve', key=('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'))
        weak = Certificate(self.folder, 'weak', key=('-newkey', 'rsa:1024'))
        for certificate in (ca, ec, weak):
            self.assertRegex(self.doors.ask('add', 'x', certificate.pem), '^refused ')

    def test_revoked(self):
        """Out at once, also with a request under way; and there is nothing to resume."""
        number = self.doors.add(self.phone)
        context = tls_context(self.phone)
        get(self.doors.https, '/launch?appid=1' + LAUNCH, context)
        held = context.wrap_socket(connect(self.doors.https))
        session = held.session
        held.sendall(b'GET /cancel HTTP/1.1\r\nHost: x\r\n\r\n')
        get(self.doors.https, '/serverinfo', context)  # the one before has arrived, too
        self.assertEqual(self.doors.ask('revoke', number), 'revoked')
        self.assertEqual(read_all(held), b'')
        held.close()
        sock = context.wrap_socket(connect(self.doors.https), session=session)
        self.assertFalse(sock.session_reused)
        sock.sendall(b'GET /serverinfo HTTP/1.1\r\nHost: x\r\n\r\n')
        self.assertEqual(root_status(split(read_all(sock))[2]), 401)
        sock.close()
        self.assertEqual(self.doors.ask('finish-cancel'), 'finished')  # nobody waits any more

    def test_old_tls(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = tls_context(self.phone)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
            context.set_ciphers('ALL:@SECLEVEL=0')
            with self.assertRaises((ssl.SSLError, ConnectionResetError)):
                context.wrap_socket(connect(self.doors.https))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = tls_context(self.phone)
            context.minimum_version = context.maximum_version = version
            self.assertEqual(root_status(get(self.doors.https, '/serverinfo', context)[2]), 401)


class TestAnswers(DoorsCase):
    def test_clear(self):
        """Over plain HTTP nobody is paired and nothing runs."""
        self.doors.add(self.phone)
        get(self.doors.https, '/launch?appid=1' + LAUNCH, tls_context(self.phone))
        status, headers, body = get(self.doors.http, '/serverinfo?uniqueid=1&uuid=2')
        self.assertEqual(status, 200)
        self.assertIn('connection: close', headers)
        self.assertIn(f'content-length: {len(body)}', headers)
        self.assertEqual((tag(body, 'PairStatus'), tag(body, 'currentgame')), ('0', '0'))
        self.assertEqual(tag(body, 'state'), 'SUNSHINE_SERVER_FREE')
        self.assertEqual(tag(body, 'mac'), '00:00:00:00:00:00')
        self.assertEqual(tag(body, 'LocalIP'), '127.0.0.1')
        self.assertEqual(tag(body, 'HttpsPort'), str(self.doors.https))
        for path in PAIRED_PATHS[1:-1] + ('/', '/unpair', '/../etc/passwd', '//serverinfo', '/serverinfo/'):
            status, _, body = get(self.doors.http, path)
            self.assertEqual((status, root_status(body)), (200 if path == '/unpair' else 404, 404), path)

    def test_launch_resume_cancel(self):
        self.doors.add(self.phone)
        context = tls_context(self.phone)

        def ask(target):
            status, _, body = get(self.doors.https, target, context)
            self.assertEqual(status, 200)
            return body

        self.assertEqual(tag(ask('/cancel'), 'cancel'), '1')
        self.assertEqual(root_status(ask('/resume?appid=1' + LAUNCH)), 503)
        for bad, code in (('/launch?appid=1', 400), ('/launch?' + LAUNCH, 400), ('/launch?appid=99' + LAUNCH, 404),
                          ('/launch?appid=1' + LAUNCH.replace(RIKEY, RIKEY[1:]), 400),
                          ('/launch?appid=1' + LAUNCH.replace('1280x720', '1x999999'), 400),
                          ('/launch?appid=1' + LAUNCH.replace('corever=1', 'corever=0'), 403)):
            body = ask(bad)
            self.assertEqual(root_status(body), code, bad)
            self.assertRegex(body, b'<(resume|gamesession)>0<')
            self.assertNotIn(RIKEY[1:].encode(), body)
        body = ask('/launch?appid=1' + LAUNCH)
        self.assertEqual((root_status(body), tag(body, 'gamesession')), (200, '1'))
        self.assertEqual(tag(body, 'sessionUrl0'), f'rtspenc://127.0.0.1:{self.doors.rtsp}')
        body = ask('/serverinfo')
        self.assertEqual((tag(body, 'currentgame'), tag(body, 'state')), ('1', 'SUNSHINE_SERVER_BUSY'))
        self.assertEqual(root_status(ask('/launch?appid=7' + LAUNCH)), 400)
        self.assertEqual(tag(ask('/resume?appid=1' + LAUNCH), 'resume'), '1')

        done = []
        thread = threading.Thread(target=lambda: done.append(ask('/cancel')))
        thread.start()
        harness.wait_until(lambda: self.doors.ask('finish-cancel') == 'finished', 'the cancel')
        thread.join()
        self.assertEqual(tag(done[0], 'cancel'), '1')
        self.assertEqual(tag(ask('/serverinfo'), 'currentgame'), '0')
        self.assertEqual(self.doors.ask('counts'), 'launched 1 resumed 1 cancelled 1')

    def test_apps_and_pictures(self):
        self.doors.add(self.phone)
        context = tls_context(self.phone)
        _, _, body = get(self.doors.https, '/applist', context)
        self.assertEqual(re.findall(rb'<AppTitle>([^<]*)<', body), [b'Test &amp; &lt;card&gt;', b'true'])
        _, headers, default = get(self.doors.https, '/appasset?appid=1&AssetType=2&AssetIdx=0', context)
        self.assertIn('content-type: image/png', headers)
        self.assertEqual((default[1:4], default[16:24]), (b'PNG', bytes((0, 0, 2, 88, 0, 0, 3, 32))))
        picture = os.path.join(self.doors.folder, 'image.png')
        for content, own in ((None, False), (b'no picture', False), (default[:8] + b'own', True)):
            if content:
                with open(picture, 'wb') as out:
                    out.write(content)
            _, _, body = get(self.doors.https, '/appasset?appid=7', context)
            self.assertEqual(body, content if own else default)
        os.remove(picture)
        os.mkfifo(picture)  # never waits
        self.assertEqual(get(self.doors.https, '/appasset?appid=7', context)[2], default)
        for name in ('99', '', '7x', '-7', '../../etc/passwd', '4294967303'):
            self.assertEqual(get(self.doors.https, '/appasset?appid=' + name, context)[2], default)

    def test_pairing(self):
        """All five phases, as a client makes them."""
        pin, salt, challenge, secret = b'0815', bytes(range(16)), os.urandom(16), os.urandom(16)
        key = hashlib.sha256(salt + pin).digest()[:16].hex()
        who = '/pair?uniqueid=0123456789ABCDEF&uuid=1234567890abcdef&devicename=roth&updateState=1'

        def ecb(data, how='-e'):
            return openssl('enc', how, '-aes-128-ecb', '-nopad', '-K', key, data=data)

        def signature(pem):
            return openssl('x509', '-outform', 'DER', data=pem)[-256:]

        first = connect(self.doors.http)
        first.sendall((f'GET {who}&phrase=getservercert&salt={salt.hex()}&clientcert={self.phone.text().hex()} '
                       'HTTP/1.1\r\nHost: x\r\n\r\n').encode())
        harness.wait_until(lambda: self.doors.ask('requests') == 'waiting 1', 'the request')
        self.assertEqual(select.select([first], [], [], 0)[0], [])
        self.doors.tell('pin', pin.decode())
        _, _, body = split(read_all(first))
        first.close()
        host = bytes.fromhex(tag(body, 'plaincert'))
        _, _, body = get(self.doors.http, f'{who}&clientchallenge={ecb(challenge).hex()}')
        answer = ecb(bytes.fromhex(tag(body, 'challengeresponse')), '-d')
        mine = hashlib.sha256(answer[32:] + signature(self.phone.text()) + secret).digest()
        _, _, body = get(self.doors.http, f'{who}&serverchallengeresp={ecb(mine).hex()}')
        shown = bytes.fromhex(tag(body, 'pairingsecret'))
        self.assertEqual(hashlib.sha256(challenge + signature(host) + shown[:16]).digest(), answer[:32])
        context = tls_context(self.phone)
        self.assertEqual(root_status(get(self.doors.https, '/pair?phrase=pairchallenge', context)[2]), 401)
        signed = openssl('dgst', '-sha256', '-sign', self.phone.key, data=secret)
        _, _, body = get(self.doors.http, f'{who}&clientpairingsecret={(secret + signed).hex()}')
        self.assertEqual(tag(body, 'paired'), '1')
        self.assertEqual(self.doors.line(), 'result 0')
        _, _, body = get(self.doors.https, '/pair?phrase=pairchallenge', context)
        self.assertEqual((root_status(body), tag(body, 'paired')), (200, '1'))
        presented = ssl.get_server_certificate(('127.0.0.1', self.doors.https))
        self.assertEqual(ssl.PEM_cert_to_DER_cert(presented), ssl.PEM_cert_to_DER_cert(host.decode()))

    def test_pairing_request_hangs_up(self):
        target = f'/pair?uniqueid=1&phrase=getservercert&salt={"00" * 16}&clientcert={self.phone.text().hex()}'
        for _ in range(20):
            sock = connect(self.doors.http)
            sock.sendall(f'GET {target} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            harness.wait_until(lambda: self.doors.ask('requests') == 'waiting 1', 'the request')
            sock.close()
            harness.wait_until(lambda: self.doors.ask('requests') == 'waiting 0', 'its end')
        for bad in ('/pair', '/pair?uniqueid=1', '/pair?uniqueid=1&phrase=getservercert',
                    '/pair?uniqueid=1&clientchallenge=00', '/pair?uniqueid=1&phrase=pairchallenge'):
            _, _, body = get(self.doors.http, bad)
            self.assertIn(root_status(body), (400, 404), bad)
            self.assertEqual(tag(body, 'paired'), '0')

    def test_held_when_the_host_ends(self):
        target = f'/pair?uniqueid=1&phrase=getservercert&salt={"00" * 16}&clientcert={self.phone.text().hex()}'
        sock = connect(self.doors.http)
        sock.sendall(f'GET {target} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
        harness.wait_until(lambda: self.doors.ask('requests') == 'waiting 1', 'the request')
        self.addCleanup(sock.close)  # tearDown ends the program before


class TestEnemies(DoorsCase):
    def alive(self):
        self.assertEqual(root_status(get(self.doors.http, '/serverinfo')[2]), 200)

    def test_rubbish(self):
        line = b'GET /serverinfo HTTP/1.1\r\nHost: x\r\n'
        cases = [
            b'\r\n\r\n', b'\0' * 5000 + b'\r\n\r\n', os.urandom(20000), b'\x16\x03\x01\x02\x00\x01',
            b'POST /serverinfo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n' + b'x' * 10000,
            b'HEAD /serverinfo HTTP/1.1\r\nHost: x\r\n\r\n', b'GET /serverinfo HTTP/9.9\r\n\r\n',
            b'GET /' + b'a' * 200000 + b' HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /serverinfo?' + b'a=b&' * 9000 + b' HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /serverinfo?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n',
            b'GET /serverinfo?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n',
            line + b''.join(b'X-%d: y\r\n' % i for i in range(100)) + b'\r\n',
            line + b'X: ' + b'y' * 100000 + b'\r\n\r\n',
            line + b'Content-Length: -1\r\n\r\n',
        ]
        for case in cases:
            for half_close in (False, True):
                sock = connect(self.doors.http)
                try:
                    sock.sendall(case)
                    if half_close:
                        sock.shutdown(socket.SHUT_WR)
                    if case.startswith(b'\x16') and not half_close:
                        continue  # waits for more, rightly
                    answer = read_all(sock)
                    self.assertNotIn(b'status_code="200"', answer, case[:60])
                except (BrokenPipeError, ConnectionResetError):
                    pass
                finally:
                    sock.close()
            self.alive()

    def test_longest_line(self):
        """A certificate of 8 kB in hex has room; twice that has not."""
        for size, code in ((16384, 400), (60000, None)):
            status, _, body = get(self.doors.http, '/pair?uniqueid=1&phrase=getservercert&salt=' + '0' * 32 +
                                  '&clientcert=' + 'ab' * (size // 2))
            if code:
                self.assertEqual((status, root_status(body)), (200, code))
            else:
                self.assertGreaterEqual(status, 400)

    def test_slow(self):
        """Whoever trickles, or says nothing, is put out after ten seconds, on every door."""
        before = self.doors.fds()
        socks = {}
        for name, port in (('http', self.doors.http), ('https', self.doors.https)):
            for how in ('silent', 'trickle'):
                socks[connect(port, f'127.0.0.{len(socks) + 2}')] = (name, how)
        hello = ssl.create_default_context()
        half = connect(self.doors.https, '127.0.0.9')  # speaks TLS, then nothing
        hello.check_hostname, hello.verify_mode = False, ssl.CERT_NONE
        half = hello.wrap_socket(half)
        socks[half] = ('https', 'after the handshake')
        self.doors.add(self.phone)
        get(self.doors.https, '/launch?appid=1' + LAUNCH, tls_context(self.phone))
        for how in ('silent', 'trickle'):
            socks[connect(self.doors.rtsp)] = ('rtsp', how)
        start = time.monotonic()
        text = {'rtsp': b'\x80\x00\x10\x00', 'http': b'GET /serverinfo?', 'https': b'\x16\x03\x01\x02\x00'}
        text = {name: iter(start_of + b'a' * 100) for name, start_of in text.items()}
        while socks:
            gone = select.select(list(socks), [], [], 0.25)[0]
            for sock in gone:
                self.assertEqual(read_all(sock), b'')
                name, how = socks.pop(sock)
                print(f'{name} {how}: {time.monotonic() - start:.1f} s')
                sock.close()
            for sock, (name, how) in socks.items():
                if how == 'trickle':
                    try:
                        sock.send(bytes((next(text[name]),)))
                    except (BrokenPipeError, ConnectionResetError):
                        pass
            self.assertLess(time.monotonic() - start, 13 * SLOW, socks.values())
        self.assertGreater(time.monotonic() - start, 9)
        harness.wait_until(lambda: self.doors.fds() == before, 'all closed')

    @harness.patiently
    def test_thousand_connections(self):
        """From one address: it gets a few places, and nobody else notices."""
        before = self.doors.fds()
        crowd, most, times = [], 0, []
        for i in range(1000):
            sock = socket.socket()
            sock.setblocking(False)
            sock.bind(('127.0.0.2', 0))
            sock.connect_ex(('127.0.0.1', (self.doors.http, self.doors.https, self.doors.rtsp)[i % 3]))
            crowd.append(sock)
            if i % 20 == 0:
                start = time.monotonic()
                self.alive()
                times.append(time.monotonic() - start)
                most = max(most, self.doors.fds() - before)
        times.sort()
        print(f'most {most} fds, slowest answer {times[-1] * 1000:.1f} ms')
        self.assertLessEqual(most, 2 * 16 + 4)
        for sock in crowd:
            sock.close()
        harness.wait_until(lambda: self.doors.fds() == before, 'all closed')
        if times[-1] > 0.2 * SLOW:
            raise harness.Slow(f'{times[-1]} s')

    @harness.patiently
    def test_many_addresses(self):
        """All places are taken: who is slow is put out the sooner."""
        crowd = []
        for i in range(300):
            sock = socket.socket()
            sock.bind((f'127.0.{1 + i // 250}.{i % 250 + 1}', 0))
            sock.connect(('127.0.0.1', self.doors.http))
            crowd.append(sock)
        start = time.monotonic()
        self.alive()
        took = time.monotonic() - start
        print(f'answered after {took:.1f} s')
        for sock in crowd:
            sock.close()
        if took > 8 * SLOW:
            raise harness.Slow(f'{took} s')

    def test_rtsp_without_launch(self):
        for text in (b'', b'OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n', b'\x80\x00\x00\x10' + bytes(36)):
            sock = connect(self.doors.rtsp)
            try:
                sock.sendall(text)
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertEqual(read_all(sock), b'')
            sock.close()


if __name__ == '__main__':
    harness.main()
