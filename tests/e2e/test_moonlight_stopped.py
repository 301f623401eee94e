"""Clients and apps that stand still, or never move: a client that no longer answers is let go, its keys released, and may
come back; an app that hangs does not take the connection or the host with it."""

import signal

import harness_serve
from harness import patiently, read_file, wait_until
from harness_serve import LISTEN, ServeCase


class MoonlightStopped(ServeCase):
    def test_client_stands_still(self):
        log = self.place.file('listen.log')
        host = self.serve({'listen': [LISTEN, log]})
        device = host.device().paired()
        stream = device.play(app=1).wait_playing()
        # The first picture is of the empty screen: a key would only be told as held on entering.
        wait_until(lambda: b'"focused":true' in read_file(log), 'the app has the keyboard')
        stream.send('key 0x41 down')
        wait_until(lambda: self.key_events(log) == ['true'], 'the key is down')
        stream.popen.send_signal(signal.SIGSTOP)
        wait_until(lambda: self.key_events(log) == ['true', 'false'], 'the key is released')
        host.wait_session('detached')
        wait_until(lambda: host.rooms() == ['earthshine-display'], 'its rooms are gone')
        stream.popen.send_signal(signal.SIGCONT)
        stream.kill()
        again = device.play().wait_playing()
        self.check_stream(again.quit())

    @staticmethod
    def key_events(log):
        lines = read_file(log).decode().splitlines()
        return [line.split('"pressed":')[1].split('}')[0].split(',')[0] for line in lines
                if '"event":"key"' in line and '"code":30' in line and '"pressed":' in line]

    @patiently
    def test_app_never_draws(self):
        """There is a picture at once, of the empty screen."""
        host = self.serve({'idle': ['sleep', '1000']})
        device = host.device().paired()
        stream = device.play(app=1)
        picture = stream.wait_for('frame')
        took_ms = (picture['at_ns'] - stream.wait_for('launched')['asked_ns']) / 1e6
        self.assertEqual((picture['type'], picture['number']), (2, None))
        self.assertLess(picture['luma'], 24)
        print(f'the first picture after {took_ms:.0f} ms')
        stream.quit()
        device.cancel()
        host.wait_no_session()
        host.stop()
        self.judge(took_ms < 200, f'{took_ms:.0f} ms')

    def test_app_stands_still(self):
        host = self.serve()
        device = host.device().paired()
        stream = device.play(app=1)
        stream.wait_frames(20)
        app = wait_until(lambda: self.place.process('paint'), 'the app runs')
        app.signal(signal.SIGSTOP)
        # The picture stays, and an IDR of it is there when asked for.
        start = stream.mark
        stream.send('idr')
        stream.wait_for('frame', lambda frame: frame['type'] == 2, start=start)
        stream.wait_frames(3, start=stream.mark)
        stream.quit()
        again = device.play()
        again.wait_frames(1)
        again.quit()
        device.cancel()
        host.wait_no_session()


if __name__ == '__main__':
    harness_serve.main()
