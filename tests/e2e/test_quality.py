"""What the bitrate buys: pictures like the app's own, and access units within their share of it."""

import json
import subprocess

import harness

NUMBER = 100


def bt709(colour):
    """Codes of eight bits, limited range."""
    red, green, blue = (part / 255 for part in colour)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748)


class LastCodes:
    """Planes of the last picture, in codes of eight bits with fractions."""

    def __init__(self, path, width, height, depth):
        harness.need('ffmpeg')
        result = subprocess.run(
            ['ffmpeg', '-v', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt',
             'yuv420p' if depth == 8 else 'yuv420p10le', '-'],
            capture_output=True, check=True, stdin=subprocess.DEVNULL, timeout=60)
        data = memoryview(result.stdout)[-width * height * 3 // 2 * (depth + 7 >> 3):]
        self.codes, self.unit = data if depth == 8 else data.cast('H'), 1 << depth - 8
        self.width, self.height = width, height

    def around(self, x, y):
        chroma, half = self.width * self.height, self.width // 2
        quarter = chroma // 4
        return (self.mean(0, self.width, x, y), self.mean(chroma, half, x // 2, y // 2),
                self.mean(chroma + quarter, half, x // 2, y // 2))

    def mean(self, start, stride, x, y):
        found = [self.codes[start + (y + row) * stride + x + column] for row in range(-4, 4) for column in range(-4, 4)]
        return sum(found) / len(found) / self.unit


class Quality(harness.Case):
    def check(self, content, damage, bitrate_mbps, most):
        drawn = self.place.file('drawn.ppm')
        run = self.record(
            harness.paint('--frames', NUMBER + 20, '--content', content, '--damage', damage, '--dump',
                          f'{NUMBER}:{drawn}'),
            '-s', '1280x720@60', '-b', f'{bitrate_mbps}M')
        entries = harness.read_marks(run.output, '--compare-number', f'{NUMBER}:{drawn}')
        compared = next(e for e in entries if 'compared' in e)
        sizes = self.unit_sizes(run.output)
        rate = run.stats()['bytes'] * 8 / 1e6 / run.stats()['seconds']
        share = bitrate_mbps * 1e6 / 60 / 8
        print(f'{content} {damage}: {compared}, {rate:.1f} of {bitrate_mbps} Mbit/s, '
              f'largest unit {max(sizes) / share:.2f} of its share')
        self.assertLess(rate, bitrate_mbps * 1.1)
        # One frame may be dearer than was foreseen: MOST_SHARES in encode/rate_control.c.
        self.assertLess(harness.percentile(sizes[5:], 95), share * 1.5)
        self.assertLess(max(sizes), share * 7)
        for channel in ('red', 'green', 'blue'):
            self.assertLess(compared[channel], most)

    def check_every_picture(self, codec):
        """Each picture shows the number that the app drew last, not the one before it."""
        run = self.record(harness.paint('--frames', NUMBER + 20), '-c', codec, '-s', '640x360@60', '-b', '10M')
        marks = harness.read_marks(run.output)
        if marks[0]['number'] is None:
            marks = marks[1:]  # what is shown for an app that takes its time
        self.assertEqual([m for m in marks if not m['crc_ok'] or m['torn']], [])
        found = harness.numbers(marks)
        self.assertEqual(found, sorted(found))
        self.assertEqual(found[-1], NUMBER + 20)
        repeats = len(found) - len(set(found))
        print(f'{codec}: {len(found)} pictures, {repeats} of them repeats')
        self.assertLessEqual(repeats, run.stats()['frames']['repeated'])

    def check_colours(self, codec, depth):
        """Codes as they come out of the decoder, against what the app drew, by the definition of BT.709."""
        drawn = self.place.file('drawn.ppm')
        run = self.record(
            harness.paint('--frames', 40, '--content', 'cells', '--damage', 'rect:128x64', '--dump', f'20:{drawn}'),
            '-c', codec, '--depth', str(depth), '-s', '640x360@60', '-b', '20M')
        stream = harness.probe(run.output, (640, 360))
        self.assertEqual(('bt709', 'tv', 'left'), (stream['color_space'], stream['color_range'],
                                                  stream.get('chroma_location')), stream)
        wanted, found = harness.Picture(drawn), LastCodes(run.output, 640, 360, depth)
        seen = 0
        for cell in range(32):
            x, y = cell % 8 * 80 + 40, cell // 8 * 90 + 45
            if 200 < x < 440 and 120 < y < 240:
                continue  # where the number is
            seen += 1
            codes, colour = found.around(x, y), wanted.pixel(x, y)
            for is_now, should in zip(codes, bt709(colour)):
                self.assertLessEqual(abs(is_now - should), 2, (codec, x, y, colour, codes))
        self.assertGreater(seen, 20)

    def unit_sizes(self, path):
        result = subprocess.run(
            ['ffprobe', '-v', 'error', '-show_entries', 'packet=size', '-of', 'json', path],
            capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, timeout=60)
        return [int(packet['size']) for packet in json.loads(result.stdout)['packets']]

    def test_every_picture_h264(self):
        self.check_every_picture('h264')

    def test_every_picture_hevc(self):
        self.check_every_picture('hevc')

    def test_every_picture_av1(self):
        self.check_every_picture('av1')

    def test_colours_h264(self):
        self.check_colours('h264', 8)

    def test_colours_hevc_10(self):
        self.check_colours('hevc', 10)

    def test_colours_av1(self):
        self.check_colours('av1', 8)

    def test_plain(self):
        self.check('plain', 'rect:256x256', 8, 2)

    def test_gradient(self):
        self.check('gradient', 'full', 8, 3)

    def test_text(self):
        self.check('text', 'full', 20, 8)

    def test_text_area(self):
        self.check('text', 'moving:256x256', 8, 6)

    def test_noise(self):
        """It scrolls: what was paid for once can be kept. Two seconds of the bitrate are a bit per pixel,
        and how much of them buys finer pixels depends on when the first pictures came."""
        if harness.SANITIZED:
            self.skipTest('too few pictures come before the one that is looked at')
        self.check('noise', 'full', 20, 40)


if __name__ == '__main__':
    harness.main()
