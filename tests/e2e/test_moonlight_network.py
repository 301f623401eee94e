"""Over a bad network: what is lost is repaired or asked for again, and what comes is right."""

import harness_serve
from harness import patiently
from harness_serve import ServeCase

IDR, RECOVERY = 2, 5
SOON = 4  # frames after a loss until the picture is right again: the way there and back, and two


class MoonlightNetwork(ServeCase):
    def begin(self, *options, network=()):
        self.n_lost = 0
        self.net = self.network(*network)
        host = self.serve()
        stream = host.device().paired().play_over(self.net, *options, app=1)
        stream.wait_frames(30)
        return stream

    @patiently
    def lose_some(self, stream, soon, what_heals):
        """Loses a frame or two, all of it; soon there are pictures again."""
        start = stream.mark
        self.net.send('lose 0 6')
        lost = stream.wait_for('lost', start=start)
        again = stream.wait_for('frame', lambda frame: frame['frame'] > lost['last'], start=start)
        last = [e['last'] for e in stream.all('lost', start) if e['last'] < again['frame']][-1]
        self.n_lost += 1
        stream.wait_frames(20, start=stream.mark)
        self.judge(again['frame'] - last <= soon, f'{again} after {last} was lost')
        idr = [f['frame'] for f in stream.frames() if f['type'] == IDR and f['frame'] < lost['first']][-1]
        self.assertEqual(again['type'], what_heals(lost['first'] - idr, again['frame'] - idr), again)

    @staticmethod
    def invalidation(first, again):
        """An IDR only where the count of pictures would be lost with them, which has 16 values, or
        all eight that are referred to."""
        wraps = (first - 1) // 16 != (again - 1) // 16
        return IDR if wraps or again - first >= 8 else RECOVERY

    def test_invalidation(self):
        stream = self.begin()
        for _ in range(8):
            self.lose_some(stream, SOON, self.invalidation)
        end = stream.quit()
        self.check_stream(end, 120)
        self.assertEqual(end['idr_asked'], 0)
        self.assertGreaterEqual(end['invalidations_asked'], self.n_lost)
        self.check_numbers(stream.numbers())

    def test_idr(self):
        stream = self.begin('--no-invalidate')
        self.lose_some(stream, SOON + 1, lambda first, again: IDR)
        end = stream.quit()
        self.check_stream(end, 50)
        self.assertEqual((end['idr_asked'], end['idr_frames']), (self.n_lost, self.n_lost + 1))

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
