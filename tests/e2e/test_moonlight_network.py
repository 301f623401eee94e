"""Over a bad network: what is lost is repaired or asked for again, and what comes is right."""

import harness_serve
from harness_serve import ServeCase

IDR, RECOVERY = 2, 5
SOON = 4  # frames after a loss until the picture is right again: the way there and back, and two


class MoonlightNetwork(ServeCase):
    def begin(self, *options, network=()):
        self.net = self.network(*network)
        host = self.serve()
        stream = host.device().paired().play_over(self.net, *options, app=1)
        stream.wait_frames(30)
        return stream

    def lose_some(self, stream):
        """Loses a frame or two, all of it: (last lost, first that is shown again)."""
        start = stream.mark
        self.net.send('lose 0 6')
        lost = stream.wait_for('lost', start=start)
        again = stream.wait_for('frame', lambda frame: frame['frame'] > lost['last'], start=start)
        last = [e['last'] for e in stream.all('lost', start) if e['last'] < again['frame']][-1]
        stream.wait_frames(20, start=stream.mark)
        return last, again

    def test_invalidation(self):
        stream = self.begin()
        types = []
        for _ in range(8):
            last, again = self.lose_some(stream)
            self.assertIn(again['type'], (RECOVERY, IDR), stream.events[-60:])
            self.judge(again['frame'] - last <= SOON, f'{again} after {last} was lost')
            types.append(again['type'])
        # an IDR only where the count of pictures would be lost with them, which has 16 values
        self.assertGreaterEqual(types.count(RECOVERY), 5)
        end = stream.quit()
        self.check_stream(end, 120)
        self.assertEqual(end['idr_asked'], 0)
        self.assertGreaterEqual(end['invalidations_asked'], 8)
        self.check_numbers(stream.numbers())

    def test_idr(self):
        stream = self.begin('--no-invalidate')
        last, again = self.lose_some(stream)
        self.assertEqual(again['type'], IDR)
        self.judge(again['frame'] - last <= SOON + 1, f'{again} after {last} was lost')
        end = stream.quit()
        self.check_stream(end, 50)
        self.assertEqual((end['idr_asked'], end['idr_frames']), (1, 2))

    def test_black_out(self):
        stream = self.begin()
        start = stream.mark
        self.net.send('black-out 1000')
        stream.wait_for('lost', start=start)
        stream.wait_frames(20, start=stream.mark)
        end = stream.quit()
        self.check_stream(end, 50)
        self.check_numbers(stream.numbers())

    def test_everything_at_once(self):
        stream = self.begin('--frames', '240', '--bitrate', '20000', network=[
            '--down', 'seed=3', '--down', 'loss=0.03', '--down', 'duplicate=0.02', '--down', 'delay=5',
            '--up', 'seed=4', '--up', 'loss=0.03', '--up', 'duplicate=0.02', '--up', 'delay=5',
            '--up', 'corrupt=0.01', '--up', 'reorder=0.05', '--up', 'reorder-ms=10'])
        stream.send('key 0x41 down')
        end = stream.wait_end()
        self.assertEqual(end['reason'], 'frames')
        self.assertGreater(end['recovered_frames'], 5)
        self.assertGreater(end['duplicate'] + end['late'], 0)
        self.assertLess(end['lost'], 24)
        self.check_stream(end, 240)
        self.check_numbers(stream.numbers())

    def test_corrupt_datagrams_are_no_pictures(self):
        stream = self.begin('--frames', '120', network=['--down', 'corrupt=0.02', '--down', 'seed=9'])
        end = stream.wait_end()
        self.assertEqual(end['reason'], 'frames')
        self.assertGreater(end['forged'] + end['control_bad'], 0)
        self.assertEqual((end['violations'], end['decode_errors'], end['wrong_marks']), (0, 0, 0), end)

    def test_reordered_datagrams(self):
        stream = self.begin('--frames', '120', '--bitrate', '20000', network=[
            '--down', 'seed=5', '--down', 'jitter=1', '--down', 'delay=5'])
        end = stream.wait_end()
        self.assertEqual(end['reason'], 'frames')
        self.check_stream(end, 120)
        self.check_numbers(stream.numbers())


if __name__ == '__main__':
    harness_serve.main()
