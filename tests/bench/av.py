#!/usr/bin/env python3
"""How far picture and sound are apart where they arrive, of an app that flashes and clicks at one instant: in a
file, by its timestamps, and at a client that shows and plays what comes at once. Positive: the sound is later.
Beside it how long sound takes from the sink to the wire."""

import argparse
import array
import bisect
import json
import os
import subprocess
import time

import measure
import serve
from measure import harness, say

FLASH_CLICK = os.path.join(harness.BUILD, 'tests/clients/flash_click')
MODE = '320x180'
RATE = 48000
BRIGHT = 128
LOUD = 32768 * 0.3
QUIET = RATE // 20
LARGE_MS = 20
NEAR_S = 0.19  # less than half of what is between two flashes


def decode(path, track, *options):
    """All of one track in pieces: (seconds, bytes of the piece)."""
    crc = path + '.' + track + '.crc'
    raw = subprocess.run(
        ['ffmpeg', '-v', 'error', '-copyts', '-i', path, '-map', f'{track}:0', *options, '-f',
         'rawvideo' if track == 'v' else 's16le', '-', '-map', f'{track}:0', *options, '-f', 'framecrc', '-y', crc],
        check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    base, at = 1.0, 0
    with open(crc, encoding='ascii') as file:
        for line in file:
            if line.startswith('#tb 0:'):
                base = eval(line.split(':')[1].replace(' ', ''), {'__builtins__': {}})  # "1/48000"
            elif not line.startswith('#'):
                _, _, pts, _, size, _ = (part.strip() for part in line.split(','))
                yield int(pts) * base, raw[at:at + int(size)]
                at += int(size)


def flashes_of_file(path):
    bright = False
    for seconds, pixels in decode(path, 'v', '-vf', 'scale=8:4,format=gray', '-fps_mode', 'passthrough',
                                  '-enc_time_base', '1/1000'):
        was, bright = bright, sum(pixels) > BRIGHT * len(pixels)
        if bright and not was:
            yield seconds


def clicks_of_file(path):
    quiet = 0
    for seconds, data in decode(path, 'a', '-ac', '1', '-c:a', 'pcm_s16le'):
        samples = array.array('h', data)
        if max(samples, default=0) < LOUD and min(samples, default=0) > -LOUD:
            quiet += len(samples)
            continue
        for index, value in enumerate(samples):
            if abs(value) >= LOUD:
                if quiet > QUIET:
                    yield seconds + index / RATE
                quiet = 0
            else:
                quiet += 1


def pair(flashes, clicks):
    """(second, milliseconds from it to its click) of each flash, and how many of both have no other."""
    offsets, used = [], set()
    for flash in flashes:
        at = bisect.bisect(clicks, flash)
        near = [c for c in clicks[max(0, at - 1):at + 1] if abs(c - flash) < NEAR_S and c not in used]
        if near:
            click = min(near, key=lambda c: abs(c - flash))
            used.add(click)
            offsets.append((flash, (click - flash) * 1e3))
    return offsets, len(flashes) - len(offsets) + len(clicks) - len(used)


def summary(flashes, clicks):
    pairs, alone = pair(flashes, clicks)
    if not pairs:
        raise harness.Failed(f'{len(flashes)} flashes, {len(clicks)} clicks, and no two of one instant')
    offsets = [offset for _, offset in pairs]
    for second, offset in pairs:
        if abs(offset) > LARGE_MS:
            say(f'    {offset:.1f} ms at {second - pairs[0][0]:.1f} s')
    sizes = [abs(offset) for offset in offsets]
    tenth = max(1, len(offsets) // 10)
    return {'pairs': len(offsets), 'alone': alone, 'offset_p50_ms': round(harness.percentile(offsets, 50), 2),
            'abs_p50_ms': round(harness.percentile(sizes, 50), 2),
            'abs_p99_ms': round(harness.percentile(sizes, 99), 2), 'abs_max_ms': round(max(sizes), 2),
            'drift_ms': round(measure.median(offsets[-tenth:]) - measure.median(offsets[:tenth]), 2)}


def written(log):
    """Milliseconds from a commit to its click's samples, in the app itself: what nobody can take away."""
    with open(log, encoding='ascii') as file:
        lines = [json.loads(line) for line in file if line.endswith('}\n')]
    return round(harness.percentile([(line['click_ns'] - line['commit_ns']) / 1e6 for line in lines
                                     if 'click_ns' in line], 99), 2)


def in_file(seconds, container):
    place = harness.Place()
    try:
        log = place.file('log')
        run = harness.Run(place, [FLASH_CLICK, log], '-s', MODE + '@60', '-t', seconds, '-b', '2M',
                          output='out.' + container, sound=True)
        run.wait(seconds + 60)
        path = place.file('out.' + container)
        result = summary(list(flashes_of_file(path)), list(clicks_of_file(path)))
        return {**result, 'app_p99_ms': written(log)}
    finally:
        place.finish()


def seen_and_heard(play):
    """Seconds of all flashes and clicks, as they came to the client."""
    frames = play.frames()
    flashes = [frame['at_ns'] / 1e9 for before, frame in zip(frames, frames[1:])
               if frame['luma'] > BRIGHT >= before['luma']]
    return flashes, [click['at_ns'] / 1e9 for click in play.all('click')]


def over_network(seconds, *options):
    with serve.Bench() as bench:
        log = bench.place.file('log')
        host, tv = bench.ready({'flash': [FLASH_CLICK, log]}, sound=True)
        play = tv.play('--clicks', *options, app=1, mode=MODE + 'x60')
        play.wait_for('click', timeout=30)
        time.sleep(seconds)
        stats = serve.stats_of(host)
        end = play.quit()
        return {**summary(*seen_and_heard(play)), 'app_p99_ms': written(log), 'missing': end['audio_missing'],
                'inserted': stats.get('sound_inserted'), 'dropped': stats.get('sound_dropped'),
                'sink_to_wire_p50_ms': stats['sound_p50_us'] / 1e3,
                'sink_to_wire_p99_ms': stats['sound_p99_us'] / 1e3}


CASES = {
    'mkv': lambda seconds: in_file(seconds, 'mkv'),
    'mp4': lambda seconds: in_file(seconds, 'mp4'),
    'ts': lambda seconds: in_file(seconds, 'ts'),
    'network': over_network,
    'network-10ms': lambda seconds: over_network(seconds, '--sound', '2,10,0'),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('cases', nargs='*', default=[], help=', '.join(CASES) + '; mkv and network unless told')
    parser.add_argument('--seconds', type=int, default=600, help='of each')
    args = parser.parse_args()
    harness.need('pipewire', 'wireplumber', 'ffmpeg')
    result = {}
    for name in args.cases or ['mkv', 'network']:
        if name not in CASES:
            parser.error(f'no case {name}')
        result[name] = CASES[name](args.seconds)
        say(f'  {name}: {result[name]}')
    measure.finish(result)


if __name__ == '__main__':
    main()
