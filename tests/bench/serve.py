#!/usr/bin/env python3
"""`earthshine serve` with our own client on the same machine: rate, start, latency, CPU beside x264
alone, a still screen, loss through a bad network, and what one session's failures do to another."""

import argparse
import json
import os
import statistics
import subprocess
import time

import measure
from measure import harness, say

import harness_serve  # in tests/e2e, found through measure

NS_PER_MS = 1e6
CLIENTS = ('moon', 'paint', 'listen', 'impair', 'sh')


class Bench(harness_serve.ServeCase):
    """A place with hosts and clients, outside of a test."""

    result = None

    def runTest(self):
        pass

    def __enter__(self):
        self.setUp()
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            for host in self.hosts:
                say(host.messages()[-4000:])
        self.tearDown()
        self.doCleanups()

    def ready(self, apps=None, **more):
        """A host with a paired device, its probes done."""
        host = self.serve(apps or {'paint': self.paint('--damage', 'full')}, **more)
        return host, host.device().paired()


def stats_of(host):
    return host.sessions()[0]['stats']


def frames_of(host):
    sessions = host.sessions()
    return sessions[0]['stats']['frames_new'] if sessions else 0


def rate(args):
    """Pictures per second that arrive, over a minute."""
    result = {}
    for codec, mode in (('h264', '1280x720x60'), ('h264', '1920x1080x60'), ('hevc', '640x360x30')):
        with Bench() as bench:
            host, tv = bench.ready()
            decode = () if codec == 'hevc' else ('--no-decode',)
            play = tv.play('--codec', codec, '--seconds', args.seconds, '--bitrate', 20000, *decode,
                           app=1, mode=mode)
            end = play.wait_end(args.seconds + 60)
            span = (end['last_frame_ns'] - end['first_frame_ns']) / 1e9
            fps = (end['frames'] - 1) / span
            say(f'  {codec} {mode}: {fps:.2f} fps over {span:.0f} s, lost {end["lost"]}, '
                f'violations {end["violations"]}, wrong marks {end["wrong_marks"]}')
            result[f'{codec} {mode}'] = {'fps': round(fps, 2), 'lost': end['lost'],
                                         'wrong': end['wrong_marks'] + end['decode_errors'],
                                         'violations': end['violations']}
    return result


def start(args):
    """Milliseconds from asking to launch, or to resume, to the first picture of the app."""
    launches, firsts, resumes = [], [], []
    with Bench() as bench:
        host, tv = bench.ready()
        for number in range(args.repeats):
            for kind, values in (('launch', launches), ('resume', resumes)):
                play = tv.play(app=1 if kind == 'launch' else None,
                               mode='1280x720x60')
                shown = play.wait_for('frame', lambda f: f['number'] is not None)
                asked = play.wait_for('launched')['asked_ns']
                values.append((shown['at_ns'] - asked) / NS_PER_MS)
                if kind == 'launch':
                    firsts.append((play.frames()[0]['at_ns'] - asked) / NS_PER_MS)
                play.quit()
            tv.cancel()
            host.wait_no_session()
            say(f'  {number + 1}: launch {launches[-1]:.0f} ms, first picture {firsts[-1]:.0f} ms, '
                f'resume {resumes[-1]:.0f} ms')
    return {name: {'p50': round(statistics.median(values), 1), 'max': round(max(values), 1)}
            for name, values in (('launch_ms', launches), ('first_picture_ms', firsts),
                                 ('resume_ms', resumes))}


def cpu_of_rooms(bench):
    return {p.pid: p.cpu_ns for p in bench.place.processes() if p.name not in CLIENTS}


def cpu_ms_per_s(bench, seconds):
    before, begun = cpu_of_rooms(bench), time.monotonic()
    time.sleep(seconds)
    after, took = cpu_of_rooms(bench), time.monotonic() - begun
    return sum(after[pid] - before.get(pid, 0) for pid in after) / NS_PER_MS / took


def x264_alone(damage):
    program = os.path.join(harness.BUILD, 'tests/bench/x264_alone')
    command = [program, '1920', '1080', '60000', '20M', damage]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return json.loads(answer.stdout.splitlines()[-1])


def path(args):
    """Latency commit -> last datagram, and CPU beside x264 alone, 1080p60 at 20 Mbit/s."""
    result = {}
    for name, damage in (('full', 'full'), ('small', 'moving:256x256')):
        ratios, p50, p99 = [], [], []
        for _ in range(args.repeats):
            with Bench() as bench:
                host, tv = bench.ready({'paint': bench.paint('--damage', damage)})
                play = tv.play('--no-decode', '--bitrate', 20000, app=1, mode='1920x1080x60')
                harness.wait_until(lambda: frames_of(host) > 120, 'the stream runs', 30)
                cpu = cpu_ms_per_s(bench, args.seconds)
                stats = stats_of(host)
                end = play.quit()
                fps = (end['frames'] - 1) / (end['last_frame_ns'] - end['first_frame_ns']) * 1e9
            alone = x264_alone(damage)
            ratios.append(cpu / (alone['x264_ms_per_frame'] * fps))
            p50.append(stats['latency_p50_us'])
            p99.append(stats['latency_p99_us'])
            say(f'  {name}: {cpu:.1f} ms/s at {fps:.1f} fps, {ratios[-1]:.2f} of x264 alone; total p50 '
                f'{p50[-1]} us, p99 {p99[-1]} us')
        result[name] = {'vs_x264': round(statistics.median(ratios), 3),
                        'total_p50_us': statistics.median(p50), 'total_p99_us': statistics.median(p99)}
    return result


def still(args):
    """A still screen with a client: CPU, bit rate, and how soon the next commit is there."""
    with Bench() as bench:
        log = bench.place.file('log')
        host, tv = bench.ready({'paint': harness.paint('--fullscreen', '--still-after', 60,
                                                       '--resume-on-signal', log=log)})
        play = tv.play('--bitrate', 20000, app=1, mode='1920x1080x60')
        harness.wait_commits(log, 60)
        time.sleep(3)  # the refinement is no part of it
        bytes_before, begun = stats_of(host)['bytes'], time.monotonic()
        cpu = cpu_ms_per_s(bench, args.seconds)
        kbps = (stats_of(host)['bytes'] - bytes_before) * 8 / 1000 / (time.monotonic() - begun)
        paint, delays = bench.place.process('paint'), []
        for _ in range(20):
            count = len(harness.read_log(log))
            paint.signal(10)
            harness.wait_commits(log, count + 1)
            commit = harness.read_log(log)[-1]
            shown = play.wait_for('frame', lambda f: f['number'] == commit['number'])
            delays.append((shown['at_ns'] - commit['commit_ns']) / NS_PER_MS)
            time.sleep(0.31)
        end = play.quit()
    say(f'  {cpu:.2f} ms/s, {kbps:.1f} kbit/s, next commit decoded after p50 '
        f'{statistics.median(delays):.2f} ms; end: {end["reason"]}')
    return {'cpu_ms_per_s': round(cpu, 2), 'kbit_per_s': round(kbps, 1),
            'commit_to_decoded_ms': round(statistics.median(delays), 2), 'end': end['reason']}


def loss(args):
    """Through a bad network with adaptation: pictures that arrived whole. Those of a few datagrams (what
    scrolls costs little) and of thirty (what jumps fills the bitrate)."""
    result = {}
    networks = {'random': 'loss=0.1', 'bursts': 'bursts=0.1:4'}
    for name, content in ((name, content) for name in networks for content in ('full', 'jump')):
        with Bench() as bench:
            host, tv = bench.ready({'paint': bench.paint('--damage', content)})
            play = tv.play('--seconds', args.seconds, '--bitrate', 20000, '--no-decode', '--impair',
                           networks[name], app=1, mode='1280x720x60')
            end = play.wait_end(args.seconds + 60)
        whole = end['frames'] / max(1, end['frames'] + end['lost'])
        size = end['bytes'] * 8 / end['frames'] * 60 / 1e6
        say(f'  {name}, {content}: {end["frames"]} pictures, {end["lost"]} lost: {whole:.4f}; '
            f'{end["idr_asked"]} IDRs, {end["invalidations_asked"]} invalidations asked; {size:.1f} Mbit/s')
        result[f'{name} {content}'] = {'whole': round(whole, 4), 'idr_asked': end['idr_asked'],
                                       'invalidations_asked': end['invalidations_asked']}
    return result


CASES = {'rate': rate, 'start': start, 'path': path, 'still': still, 'loss': loss}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('cases', nargs='*', default=[], help=', '.join(CASES) + '; all unless told')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=20, help='of each measurement')
    args = parser.parse_args()
    unknown = [name for name in args.cases if name not in CASES]
    if unknown:
        parser.error(f'no case {unknown[0]}')
    result = {}
    for name in args.cases or CASES:
        say(name)
        result[name] = CASES[name](args)
    measure.finish(result)


if __name__ == '__main__':
    main()
