"""Those who are not the client get nothing, learn nothing and change nothing."""

import re
import socket
import struct

import harness_serve
from harness import read_file, wait_until
from harness_serve import LISTEN, ServeCase
from test_moonlight_input import Ear, KEY_A, KEY_Q

KEY = 'f0e1d2c3b4a5968778695a4b3c2d1e0f'
PIN = '8306'


def enet_connect(data):
    """The first datagram of an ENet connection."""
    header = struct.pack('>HH', 0x8fff, 0)  # peer 0xfff, with the time it was sent
    command = struct.pack('>BBH', 0x82, 0xff, 1)  # connect, acknowledged, channel 0xff
    body = struct.pack('>HBBIIIIIIIII', 0, 0xff, 0xff, 1400, 32768, 48, 0, 0, 5000, 2, 2, 0x1234)
    return header + command + body + struct.pack('>I', data)


def answers(address, port, datagrams):
    """How many bytes come back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((address, 0))
        for datagram in datagrams:
            stranger.sendto(datagram, ('127.0.0.1', port))
        stranger.settimeout(0.5)
        try:
            return len(stranger.recv(2048))
        except TimeoutError:
            return 0


class MoonlightEnemies(ServeCase):
    def test_forged_and_replayed_control(self):
        ear = Ear(self.place.file('listen.log'))
        host = self.serve({'listen': [LISTEN, ear.path]})
        device = host.device().paired()
        stream = device.play(app=1).wait_playing()
        ear.hear(event='focus', focused=True)
        stream.send('forge 200')
        stream.send('key 0x41 down')
        stream.send('replay 200')
        stream.send('key 0x41 up')
        stream.send('replay 200')
        stream.send('wheel 120')
        ear.hear(event='wheel')  # all before it has been looked at: they are of one connection
        stream.send('key 0x42 down')
        stream.send('key 0x42 up')
        ear.hear(event='key', code=48, pressed=False)
        keys = [(e['code'], e['pressed']) for e in ear.read() if e['event'] == 'key']
        self.assertNotIn(KEY_Q, [code for code, _ in keys])
        self.assertEqual([key for key in keys if key[0] == KEY_A], [(KEY_A, True), (KEY_A, False)])
        stream.send('idr')
        stream.wait_for('frame', lambda frame: frame['type'] == 2, start=stream.mark)
        wait_until(lambda: host.sessions()[0]['stats']['datagrams_refused'] >= 600, 'all are refused')
        self.check_stream(stream.quit())

    def test_strangers_get_nothing(self):
        host = self.serve()
        device = host.device().paired()
        stream = device.play(app=1)
        stream.wait_frames(5)
        ports = stream.all('ports')[0]
        pings = [b'PING', b'x' * 16 + b'\0\0\0\1', b'', b'\xff' * 1400, b'0' * 20]
        for address in ('127.0.0.1', '127.0.0.2'):
            self.assertEqual(answers(address, ports['video'], pings), 0, address)
            self.assertEqual(answers(address, ports['audio'], pings), 0, address)
        self.assertEqual(
            answers('127.0.0.2', ports['control'], [enet_connect(1), b'', b'\xff' * 1400] + pings), 0)
        stream.wait_frames(5, start=stream.mark)
        self.check_stream(stream.quit())

    def test_wrong_ping_gets_no_video(self):
        host = self.serve()
        device = host.device().paired()
        stream = device.play('--wrong-ping', '--seconds', '2', app=1)
        end = stream.wait_end()
        self.assertEqual((end['reason'], end['datagrams'], end['audio_datagrams']), ('seconds', 0, 0))

    def test_pairing_orders(self):
        host = self.serve()
        for i, order in enumerate(('2', '3', '4', '5', '13', '14', '15', '124', '125', '132', '1135', '1224',
                      '12335', '1245', '12344', '2345', '1253')):
            device = host.device('order' + order)
            program = device.start('pair', '--pin', PIN, '--name', order, '--order', order,
                                   '--from', f'127.0.0.{1 + i}')  # ten may fail of each
            if order[0] == '1':
                self.enter(host, program)
            program.wait()
            last = [e for e in program.all('phase') if e['phase'] != 1]
            paired = [e for e in last if e['paired'] == '1' and e['phase'] >= 4]
            if order == '12344':
                # legal up to its repetition, which changes nothing
                self.assertEqual(len(paired), 1, program.events)
            else:
                self.assertEqual(paired, [], order)
        self.assertEqual([client['name'] for client in host.clients()], ['12344'])

    def test_guesses_of_a_pin(self):
        host = self.serve()
        for _ in range(10):
            outcome, _ = host.device().pair(pin=PIN, entered='9' + PIN[1:])
            self.assertFalse(outcome['ok'], outcome)
        self.assertIn('10 pairings with 127.0.0.1 have failed within an hour', host.messages())
        device = host.device('too-many')
        self.assertFalse(device.ask('pair', '--pin', PIN)['ok'])
        self.assertEqual(host.requests(), [])
        other = device.start('pair', '--pin', PIN, '--from', '127.0.0.2')
        wait_until(host.requests, 'another address may ask')
        self.assertEqual(host.cli('pair', PIN).returncode, 0)
        other.wait()

    def enter(self, host, program):
        """Enters the PIN while a request waits; a second one may replace the first."""
        operators = []

        def step():
            if program.popen.poll() is not None:
                return True
            if host.requests():
                operators.append(host.cli_start('pair', PIN))
            return False
        wait_until(step, 'the client gives up')
        for operator in operators:
            operator.kill()  # it waits for phases that do not come
            operator.wait()

    def test_no_secret_in_any_log(self):
        host = self.serve()
        device = host.device()
        device.pair(pin=PIN, entered='9' + PIN[1:])
        outcome, operator = device.pair(pin=PIN)
        self.assertTrue(outcome['ok'], outcome)
        stream = device.play('--key', KEY, app=1)
        stream.wait_frames(5)
        stream.send('key 0x41 down')
        stream.quit()
        host.wait_session('detached')
        device.ask('resume', '--key', KEY, '--mode', '640x360x60')
        device.cancel()
        host.stop()
        log = host.messages()
        self.assertIn('launches', log)  # it is the log
        terms = stream.all('secrets')[0]
        secrets = [KEY, terms['ping'], str(terms['connect_data']), f'{terms["connect_data"]:x}',
                   str(terms['key_id']), 'PRIVATE KEY', 'rikey', 'clientcert=']
        for place, text in (('the log', log), ('the operator', operator.stdout + operator.stderr)):
            for secret in secrets:
                self.assertNotIn(secret.lower(), text.lower(), place)
            self.assertIsNone(re.search(rf'\b9?{PIN}\b|\b9{PIN[1:]}\b', text), place)
        self.assertNotIn(b'rikey', read_file(host.stderr_path))


if __name__ == '__main__':
    harness_serve.main()
