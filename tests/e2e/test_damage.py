"""Composition is by damage."""

import harness

WIDTH, HEIGHT = 1280, 720
AREA = 256


def area_at(number):
    """As in paint_picture.c: where the wandering area is."""
    def bounce(step, span):
        at = step % (2 * span)
        return at if at < span else 2 * span - at
    return (bounce(number, (WIDTH - AREA) // 16) * 16, bounce(number // 2, (HEIGHT - AREA) // 16) * 16)


def union_px(places):
    """Pixels covered by squares of AREA at these places, which are multiples of 16."""
    cells = set()
    for x, y in places:
        for row in range(y // 16, (y + AREA) // 16):
            for column in range(x // 16, (x + AREA) // 16):
                cells.add((row, column))
    return len(cells) * 256


class Damage(harness.Case):
    def measure(self, damage, frames):
        """(composed pixels, composed frames, numbers in the file) of a run of so many commits."""
        run = self.record(harness.paint('--frames', frames, '--damage', f'{damage}:{AREA}x{AREA}'),
                          '-s', f'{WIDTH}x{HEIGHT}@60', timeout=60 + harness.WAIT)
        stats = run.stats()
        self.assertEqual(stats['frames']['direct'], 0)
        self.assertGreaterEqual(stats['frames']['composed'], stats['frames']['new'])
        self.stats = stats
        return stats['composed_px'], stats['frames']['composed'], harness.numbers(
            harness.read_marks(run.output))

    def test_fixed_rectangle(self):
        px, frames, _ = self.measure('rect', 360)
        # The first picture in each buffer of the chain is a full one.
        full = WIDTH * HEIGHT
        per_frame = min(((px - n * full) / (frames - n) for n in range(5)),
                        key=lambda each: abs(each - AREA * AREA))
        print(f'{per_frame:.0f} pixels per frame for an area of {AREA * AREA}')
        self.assertLessEqual(per_frame, 1.05 * AREA * AREA)
        self.assertGreaterEqual(per_frame, 0.95 * AREA * AREA)

    def test_moving_area(self):
        px_short, frames_short, _ = self.measure('moving', 60)
        px_long, frames_long, found = self.measure('moving', 660)
        per_frame = (px_long - px_short) / (frames_long - frames_short)
        # A frame's damage is the area's old and new place; a buffer of age 2, which a chain of
        # two buffers has, must also be brought up to the frame before.
        age = 2
        unions = []
        for i in range(60, len(found)):
            shown = found[max(0, i - age):i + 1]
            unions.append(union_px([area_at(n) for n in range(shown[0], shown[-1] + 1)]))
        expected = sum(unions) / len(unions)
        print(f'{per_frame:.0f} pixels per frame, union over an age of {age}: {expected:.0f}')
        self.assertLessEqual(per_frame, 1.05 * expected)

    def test_shared_memory_is_composed(self):
        self.measure('rect', 30)
        reasons, frames = self.stats['compose_reasons'], self.stats['frames']
        print(frames, reasons)
        self.assertEqual(sum(reasons.values()), frames['composed'])
        # The black picture before the client draws has no buffer at all.
        self.assertLessEqual(reasons['other'], 1)
        self.assertEqual(reasons['shm'], frames['composed'] - reasons['other'])


if __name__ == '__main__':
    harness.main()
