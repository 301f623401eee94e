#!/usr/bin/env python3
"""`earthshine serve` with our own client on the same machine: rate, start, latency, CPU beside x264
alone, a still screen, typing, loss through a bad network, and what one session's failures do to another. By name
only: soak, a day's worth of small pictures as fast as they go."""

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
CLIENT = measure.CLIENT
CLIENTS = ('moon', 'paint', 'listen', 'impair', 'sh')
NEW = 1  # a picture of the app's, in recordings
COMMITS = 40
SOAK_HZ = 1000  # as many as a screen may have
SOAK_GROWTH_KIB = 1024  # allocators breathe


class Bench(measure.Place, harness_serve.ServeCase):
    """A place with hosts and clients, outside of a test."""

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


def delays_of(host, recording):
    """In ms, of each picture that an app committed, from then until its last datagram."""
    told = host.cli('stats', 'export', recording, 'json', 'frames').stdout
    columns = json.loads(told)['sessions'][0]['columns']
    return [total / 1000 for kind, total in zip(columns['kind'], columns['total_us']) if kind == NEW]


def still(args):
    """A still screen with a client: CPU, bit rate, and how long the host takes for the next commit, a
    change of 256x256, until all of it is sent. The client decodes nothing: it is to be another machine."""
    with Bench() as bench:
        log = bench.place.file('log')
        host, tv = bench.ready({'paint': harness.paint('--fullscreen', '--damage', 'moving:256x256',
                                                       '--still-after', 60, '--resume-on-signal', log=log)})
        play = tv.play('--bitrate', 20000, '--no-decode', app=1, mode='1920x1080x60')
        harness.wait_commits(log, 60)
        time.sleep(4)  # the refinement is no part of it
        bytes_before, begun = stats_of(host)['datagrams'], time.monotonic()
        cpu = cpu_ms_per_s(bench, args.seconds)
        size = 1392 + 16 + 32  # of each datagram, at most
        kbps = (stats_of(host)['datagrams'] - bytes_before) * size * 8 / 1000 / (time.monotonic() - begun)
        paint = bench.place.process('paint')
        recording = host.cli_json('stats', 'record', 'start', 'frames')['id']
        for _ in range(COMMITS):
            paint.signal(10)
            time.sleep(0.33)
        host.cli_json('stats', 'record', 'stop')
        delays = delays_of(host, recording)
        stages = stats_of(host)['stages']
        end = play.quit()
    sent = {'p50': statistics.median(delays), 'p90': harness.percentile(delays, 90), 'max': max(delays)}
    say(f'  {cpu:.2f} ms/s, {kbps:.1f} kbit/s, next commit sent after p50 {sent["p50"]:.2f}, '
        f'p90 {sent["p90"]:.2f}, max {sent["max"]:.2f} ms; end: {end["reason"]}')
    say('  p50: ' + ', '.join(f'{stage["name"]} {stage["p50_us"]}' for stage in stages) + ' us')
    return {'cpu_ms_per_s': round(cpu, 2), 'kbit_per_s': round(kbps, 1), 'end': end['reason'],
            'commit_to_sent_ms': sent}


def typing(_):
    """How long the host takes for a letter that somebody types into a terminal now and then."""
    harness.need('foot')
    result = {}
    for mode in ('1920x1080x60', '3840x2160x30'):
        with Bench() as bench:
            _, tv = bench.ready({'terminal': ['foot', 'cat']})
            play = tv.play('--bitrate', 20000, app=1, mode=mode).wait_playing()
            time.sleep(4)  # until the terminal is there and its picture is fine
            delays = []
            for letter in 'EARTHSHINE' * 3:
                mark = play.mark
                play.send(f'key {ord(letter):#x} down')
                play.send(f'key {ord(letter):#x} up')
                delays.append(play.wait_for('frame', lambda f: f['latency'] > 0, start=mark)['latency'] / 10)
                time.sleep(0.31)
            play.quit()
        say(f'  {mode}: commit to sent p50 {statistics.median(delays):.2f}, max {max(delays):.2f} ms')
        result[mode] = {'p50': statistics.median(delays), 'max': max(delays)}
    return result


def p99(values):
    return sorted(values)[int(len(values) * 0.99)]


def spans(play, first):
    """p99 of what the host takes for a picture, and of the time between two, in ms."""
    frames = play.frames(first)
    gaps = [(b['at_ns'] - a['at_ns']) / NS_PER_MS for a, b in zip(frames, frames[1:])]
    return p99([frame['latency'] / 10 for frame in frames]), p99(gaps)


def wait_other(host, detached):
    """Until the other session is gone, or can be resumed."""
    def look():
        states = [session['state'] for session in host.sessions() if session['title'] == 'other']
        return states == (['detached'] if detached else [])
    harness.wait_until(look, 'the other session has ended', 20)


def disturb(bench, host, other, play, seconds):
    """Kills the rooms and the app of the other session in turn, which comes back each time."""
    rooms = ['earthshine-stream', 'earthshine-encode', 'earthshine-display', 'paint']
    end = time.monotonic() + seconds
    for number in range(1000):
        if time.monotonic() > end:
            return play
        name = rooms[number % len(rooms)]
        victims = [p for p in bench.place.processes()
                   if p.name == name and (name != 'paint' or 'other' in p.command)]
        # The room of the session that was started last is the other's.
        max(victims, key=lambda p: p.pid).signal(9)
        if name == 'earthshine-encode':
            play.wait_frames(10, start=play.mark)
            continue
        play.wait_end()
        wait_other(host, detached=name == 'earthshine-stream')
        play = other.play(app=2 if name != 'earthshine-stream' else None, mode='640x360x60')
        play.wait_frames(10)
    return play


def neighbours(args):
    """What one session's failures do to another: p99 beside the same without failures."""
    pairs = []
    for _ in range(args.repeats):
        with Bench() as bench:
            host = bench.serve({'paint': bench.paint('--damage', 'full'),
                                'other': bench.paint('--damage', 'full', '--title', 'other')})
            tv, deck = host.device('tv').paired(), host.device('other').paired()
            play = tv.play(app=1, mode='640x360x60')
            play.wait_frames(60)
            other = deck.play(app=2, mode='640x360x60')
            other.wait_frames(60)
            first = play.mark
            time.sleep(args.seconds)
            control = spans(play, first)
            first = play.mark
            other = disturb(bench, host, deck, other, args.seconds)
            disturbed = spans(play, first)
            other.quit()
            play.quit()
        pairs.append((control, disturbed))
        say(f'  latency p99 {control[0]:.1f} -> {disturbed[0]:.1f} ms, gaps p99 {control[1]:.1f} -> '
            f'{disturbed[1]:.1f} ms')
    excess = [max(after - 1.1 * before for before, after in zip(*pair)) for pair in pairs]
    return {'excess_ms': [round(value, 2) for value in excess],
            'median_excess_ms': round(statistics.median(excess), 2)}


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


def load_of(bench):
    """What could gather, by process: memory, open files, threads."""
    return {(p.pid, p.name): {'rss_kib': p.rss_kib, 'own_kib': p.own_kib, 'fds': p.open_fds,
                              'threads': p.status('Threads')}
            for p in bench.place.processes() if p.name in ('moon', CLIENT) or p.name.startswith('earthshine')}


def compare(start, end):
    """(name, first, last, flat) of each process; one that is not there any more, or new, is not flat."""
    for key in sorted(set(start) | set(end)):
        a, b = start.get(key), end.get(key)
        flat = a is not None and b is not None and (a['fds'], a['threads']) == (b['fds'], b['threads']) and \
            b['own_kib'] <= a['own_kib'] + SOAK_GROWTH_KIB
        yield f'{key[1]} {key[0]}', a, b, flat


def soak_watch(bench, host, play, args):
    """What the processes take at the start, and at the end; how many pictures that was, in what time."""
    start, first, begun, said = None, 0, 0, time.monotonic()
    while True:
        time.sleep(0.2)
        if play.ended:
            raise harness.Failed(f'the client ended: {play.events[-1]}')
        if start is None:
            done = frames_of(host)
            if done < max(args.frames // 100, 1):
                continue
            start, first, begun = load_of(bench), done, time.monotonic()
        time.sleep(min(5, args.seconds))
        done, now = frames_of(host), load_of(bench)
        if done >= args.frames:
            return start, now, done, (done - first) / (time.monotonic() - begun)
        if time.monotonic() - said >= args.seconds:
            said = time.monotonic()
            rss = ', '.join(f'{name} {load["rss_kib"]}' for (_, name), load in sorted(now.items()))
            say(f'  {done} pictures, {(done - first) / (time.monotonic() - begun):.0f} a second; KiB: {rss}')


def soak(args):
    """So many pictures of 64x64 from the app to the client: memory, files and threads as before."""
    with Bench() as bench:
        host, tv = bench.ready({'paint': bench.paint('--damage', 'full')})
        play = tv.play('--no-decode', '--bitrate', 2000, app=1, mode=f'64x64x{SOAK_HZ}')
        start, end, done, rate = soak_watch(bench, host, play, args)
        net = stats_of(host)
        seen = play.quit()
    result = {'frames': done, 'fps': round(rate, 1), 'seen': seen['frames'], 'lost': seen['lost'],
              'dropped': net['frames_dropped'], 'violations': seen['violations'], 'flat': True}
    for name, a, b, flat in compare(start, end):
        say(f'  {name}: {a} -> {b}{"" if flat else ": NOT FLAT"}')
        result['flat'] = result['flat'] and flat
    return result


CASES = {'rate': rate, 'start': start, 'path': path, 'still': still, 'typing': typing, 'loss': loss,
         'neighbours': neighbours}
BY_NAME = {'soak': soak}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('cases', nargs='*', default=[], help=', '.join(CASES) + '; all unless told; or ' + ', '.join(BY_NAME))
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=20,
                        help='of each measurement; between two lines of soak')
    parser.add_argument('--frames', type=int, default=5184000,
                        help='of soak; 24 hours of 60 a second unless told')
    args = parser.parse_args()
    cases = {**CASES, **BY_NAME}
    unknown = [name for name in args.cases if name not in cases]
    if unknown:
        parser.error(f'no case {unknown[0]}')
    result = {}
    for name in args.cases or CASES:
        say(name)
        result[name] = cases[name](args)
    measure.finish(result)


if __name__ == '__main__':
    main()
