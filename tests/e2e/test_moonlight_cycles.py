"""A hundred times connect, stream, disconnect (fewer under sanitizers): nothing gathers."""

import os

import harness_serve
from harness import Process, wait_until
from harness_serve import ServeCase

CYCLES = int(os.environ.get('EARTHSHINE_TEST_CYCLES', '20' if harness_serve.harness.SANITIZED else '100'))
WARM = 5
GROWTH_KIB = 6000  # of a process: allocators breathe


class MoonlightCycles(ServeCase):
    def look(self, host):
        """What could gather: per process the files that it holds open, and its memory."""
        host.wait_session('detached')
        # Encoder and streamer end a moment later.
        wait_until(lambda: host.rooms() == ['earthshine-display'], 'its rooms are gone')
        found = {}
        for process in self.place.processes():
            if process.name.startswith('earthshine') or process.name == 'paint':
                found[process.name] = (process.open_fds, process.rss_kib)
        return found

    def test_cycles(self):
        host = self.serve()
        device = host.device().paired()
        device.play('--frames', 1, '--no-decode', app=1, mode='320x180x30').wait_end()
        before = None
        for cycle in range(CYCLES + WARM):
            if cycle == WARM:
                before = self.look(host)
            stream = device.play('--frames', 1, '--no-decode', mode='320x180x30')
            end = stream.wait_end()
            self.check_stream(end)
            self.programs.remove(stream)
        # A connection of the client's may be closed a moment later.
        wait_until(lambda: all(fds <= before[name][0] for name, (fds, _) in self.look(host).items()),
                   f'no more files are open than before: {before}')
        after = self.look(host)
        self.assertEqual(set(before), set(after))
        for name, (_, rss) in after.items():
            if not harness_serve.harness.SANITIZED:
                self.assertLess(rss, before[name][1] + GROWTH_KIB, name)
        self.assertEqual(Process(host.popen.pid).name, 'earthshine')
        device.cancel()


if __name__ == '__main__':
    harness_serve.main()
