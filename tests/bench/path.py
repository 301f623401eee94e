#!/usr/bin/env python3
"""The way of a frame: stages at 1080p60, the true rate at 59.94 Hz, and what a still screen costs."""

import argparse

import measure
from measure import harness, say

STAGES = ('wait', 'compose', 'queue', 'convert', 'encode', 'packetize', 'send', 'total')


def stages(seconds, damage):
    place = harness.Place()
    try:
        run = harness.Run(place, harness.paint('--seconds', seconds, '--damage', damage), '-s', '1920x1080@60')
        if run.wait(seconds + 60) != 0:
            raise harness.Failed(run.messages())
        stats = run.stats()
    finally:
        place.finish()
    table = {name: {key: stats['stages_us'][name][key] for key in ('p50', 'p95', 'p99', 'max')}
             for name in STAGES}
    for name in STAGES:
        say(f'  {name:10}', '  '.join(f'{key} {value:6d}' for key, value in table[name].items()))
    return {'stages_us': table, 'frames': stats['frames'], 'missed_slots': stats['missed_slots'],
            'cpu_ms': stats['cpu_ms'], 'seconds': stats['seconds']}


def cadence(seconds, refresh):
    """Frames per second between the first and the last commit in the file."""
    place = harness.Place()
    try:
        log = place.file('log')
        run = harness.Run(place, harness.paint('--seconds', seconds, '--damage', 'rect:256x256', log=log), '-s',
                          f'1280x720@{refresh}')
        if run.wait(seconds + 60) != 0:
            raise harness.Failed(run.messages())
        seen = sorted(set(harness.numbers(harness.read_marks(run.output))))
        commits = {c['number']: c['commit_ns'] for c in harness.read_log(log)}
    finally:
        place.finish()
    times = [commits[number] for number in seen]
    period_ns = 1e9 / refresh
    missed = []
    for before, after in zip(times, times[1:]):
        slots = round((after - before) / period_ns) - 1
        if slots > 0:
            missed.append({'at_s': round((before - times[0]) / 1e9, 3), 'slots': slots})
    rate = (len(times) - 1) / ((times[-1] - times[0]) / 1e9)
    say(f'  {len(times)} frames, {rate:.4f} Hz, missed {missed}')
    return {'refresh': refresh, 'frames': len(times), 'hz': round(rate, 4), 'missed': missed,
            'lost': len(commits) - len(times)}


def still(seconds):
    """CPU of all our processes after the last commit, in percent of a core."""
    session = measure.Ours('8M', '--still-after', '60')
    try:
        harness.wait_commits(session.log, 60)
        measure.time.sleep(3)
        value = measure.cpu_ms_per_s(session.place, seconds)
        session.stop()
        repeated = session.run.stats()['frames']['repeated']
    finally:
        session.finish()
    say(f'  {repeated} repeats, {value / 10:.4f} % of a core')
    return {'seconds': seconds, 'repeated': repeated, 'core_percent': round(value / 10, 4)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('parts', nargs='*', default=[], help='full, small, cadence, still; all unless told')
    parser.add_argument('--quick', action='store_true', help='a few seconds each')
    args = parser.parse_args()
    parts = args.parts or ['full', 'small', 'cadence', 'still']
    result = {}
    for part in parts:
        say(part)
        if part in ('full', 'small'):
            result[part] = stages(5 if args.quick else 20, 'full' if part == 'full' else 'moving:256x256')
        elif part == 'cadence':
            result[part] = cadence(10 if args.quick else 120, 59.94)
        elif part == 'still':
            result[part] = still(5 if args.quick else 60)
        else:
            parser.error(f'no part {part}')
    measure.finish(result)


if __name__ == '__main__':
    main()
