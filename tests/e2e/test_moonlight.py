"""A client pairs, lists, launches, sees the app's pictures in their order, and ends it."""


import harness_serve
from harness import read_log
from harness_serve import ServeCase

FRAMES = 60


class Moonlight(ServeCase):
    def test_pairing(self):
        host = self.serve({'first': self.paint(), 'second <&>': self.paint()})
        device = host.device()
        self.assertEqual(device.tag('PairStatus', '--plain'), '0')
        # nothing without pairing
        stranger = device.ask('get', '--path', '/applist', '--plain')
        self.assertNotEqual(stranger['status'], 200)

        outcome, operator = device.pair(pin='1234', entered='1235')
        self.assertEqual((outcome['ok'], outcome['outcome']), (False, 'wrong PIN'))
        self.assertNotEqual(operator.returncode, 0)
        self.assertEqual(host.clients(), [])

        device.paired()
        self.assertEqual(len(host.clients()), 1)
        self.assertEqual(device.tag('PairStatus'), '1')
        self.assertEqual(device.tag('state'), 'SUNSHINE_SERVER_FREE')
        self.assertEqual(device.tag('PairStatus', '--plain'), '0')
        listed = device.ask('applist')['body']
        self.assertEqual(listed.count('<App>'), 2)
        self.assertIn('<AppTitle>first</AppTitle><ID>1</ID>', listed)
        self.assertIn('<AppTitle>second &lt;&amp;&gt;</AppTitle><ID>2</ID>', listed)

    def test_pairing_outlives_the_host(self):
        host = self.serve()
        device = host.device().paired()
        self.assertEqual(host.stop(), 0)
        host.start()
        self.assertEqual(device.tag('PairStatus'), '1')

    def play_once(self, *options, legacy=False):
        log = self.place.file('paint.log')
        host = self.serve({'paint': self.paint('--log', log)})
        device = host.device().paired()
        if legacy:
            client = host.clients()[0]['id']
            result = host.cli('clients', 'legacy', client, 'on')
            self.assertEqual(result.returncode, 0, result.stderr)
        stream = device.play('--frames', FRAMES, *options, app=1)
        stream.wait_frames(10)
        self.assertEqual(device.tag('state'), 'SUNSHINE_SERVER_BUSY')
        self.assertEqual(device.tag('currentgame'), '1')
        self.assertEqual(device.tag('currentgame', '--plain'), '0')
        end = stream.wait_end()
        self.assertEqual(end['reason'], 'frames')
        self.check_stream(end, FRAMES)
        self.assertEqual(stream.frames()[0]['type'], 2)
        self.check_numbers(stream.numbers(), FRAMES // 2)
        committed = {commit['number'] for commit in read_log(log)}
        self.assertLessEqual(set(stream.numbers()[:-5]), committed)
        sizes = {(frame['width'], frame['height']) for frame in stream.frames()}
        self.assertEqual(sizes, {(640, 360)})
        device.cancel()
        self.assertEqual(device.tag('state'), 'SUNSHINE_SERVER_FREE')
        self.assertEqual(host.rooms(), [])
        return stream

    def test_play_as_asked(self):
        # a current client and a host with its defaults: all is encrypted
        stream = self.play_once()
        self.assertEqual(stream.all('described')[0]['encryption'], 7)
        self.assertTrue(stream.all('described')[0]['encrypted_rtsp'])

    def test_play_rtsp_encrypted(self):
        stream = self.play_once('--encrypt', 'rtsp')
        self.assertTrue(stream.all('launched')[0]['url'].startswith('rtspenc://'))

    def test_play_fully_encrypted(self):
        self.play_once('--encrypt', 'all')

    def test_play_legacy(self):
        stream = self.play_once('--legacy', legacy=True)
        self.assertTrue(stream.all('launched')[0]['url'].startswith('rtsp://'))

    def test_old_client_is_refused(self):
        host = self.serve()
        device = host.device().paired()
        stream = device.play('--legacy', app=1)
        self.assertEqual(stream.wait_for('launched')['status'], 403)
        stream.wait()

    def test_loss_is_repaired(self):
        stream = self.play_once('--impair', 'loss=0.03', '--impair', 'seed=5', '--bitrate', '20000')
        end = stream.all('end')[0]
        self.assertGreater(end['recovered'], 0)


if __name__ == '__main__':
    harness_serve.main()
