"""A picture that is ready later than its commit is shown when it is ready, and goes back when the next
one has replaced it."""

import subprocess
import unittest

import harness
import harness_vm

FRAMES = 6
DELAY_MS = 200


class Fences(harness_vm.Case):
    def check(self, *options, **record):
        run, log = self.record_paint('--buffers', 3, '--fence-delay', DELAY_MS, *options, frames=FRAMES,
                                     **record)
        self.assert_all_seen(run, FRAMES)
        ready = {entry['ready']: entry['at_ns'] for entry in harness_vm.read_events(log, 'ready')}
        released = {entry['released']: entry['at_ns'] for entry in harness_vm.read_events(log, 'released')}
        commits = {commit['number']: commit for commit in harness.read_log(log)}
        shown = [commit for commit in commits.values() if commit['result'] == 'presented']
        self.assertTrue(shown)
        for commit in shown:
            number = commit['number']
            self.assertGreaterEqual(commit['presented_ns'], ready[number], commit)
            if number in released:
                self.assertGreaterEqual(released[number], commits[number + 1]['commit_ns'], commit)

    def test_a_fence_on_the_dmabuf(self):
        """Scanned out directly: a GPU that composes waits in the kernel, but here there is none."""
        self.check('--dmabuf', 'udmabuf', more=('-e', 'fake'),
                   env={'EARTHSHINE_FAKE_RUNG': 'no-fences'})

    def test_timelines(self):
        """vgem has none; virtio's does, and takes DMA-BUFs of its own only."""
        harness_vm.output_of('modprobe', 'virtio_gpu')
        self.addCleanup(subprocess.run, ['modprobe', '-r', 'virtio_gpu'])
        harness_vm.output_of('udevadm', 'settle')
        self.check('--dmabuf', '/dev/dri/card1', '--explicit',
                   env={'WLR_RENDER_DRM_DEVICE': '/dev/dri/renderD129'})


if __name__ == '__main__':
    unittest.main(verbosity=2)
