"""Statistics recorded while somebody plays: started, stopped, read, exported and deleted; by a host that is
killed; onto a disk that is full."""

import csv
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import harness
from harness import wait_until
from harness_serve import Host, ServeCase, WAIT

STAGES = ('wait', 'compose', 'queue', 'convert', 'encode', 'packetize', 'send', 'total')


class Early(Host):
    """Not waited for until it has measured its encoders."""

    def probes(self):
        return []


class Recorder(ServeCase):
    def ask(self, method, path, body=None):
        """At the control socket, where the CLI asks as well."""
        with socket.socket(socket.AF_UNIX) as asker:
            asker.connect(os.path.join(self.place.runtime, 'earthshine', 'control'))
            request = {'method': method, 'path': '/api/v1' + path, **({'body': body} if body else {})}
            asker.sendall(json.dumps(request).encode() + b'\n')
            answer = json.loads(asker.makefile().readline())
        return answer['status'], answer['body']

    def get(self, path):
        status, body = self.ask('GET', path)
        self.assertEqual(status, 200, body)
        return body

    def wait_samples(self, count):
        return wait_until(lambda: self.get('/capture')['samples'] >= count, f'{count} samples')

    def test_course(self):
        host = self.serve()
        self.assertEqual(self.get('/capture')['id'], '')
        stream = host.device().paired().play(app=1)
        stream.wait_playing()
        status, capture = self.ask('POST', '/capture', {'frames': True})
        self.assertEqual((status, capture['armed'], capture['frames']), (200, True, True))
        self.assertEqual(self.ask('POST', '/capture')[0], 409)
        self.wait_samples(3)
        session = host.sessions()[0]
        live = self.get(f'/sessions/{session["id"]}/stats')
        self.assertEqual(live.keys(), session['stats'].keys())
        self.assertGreaterEqual(live['frames_new'], session['stats']['frames_new'])
        self.assertEqual([stage['name'] for stage in live['stages']], list(STAGES))
        self.assertEqual(self.ask('GET', '/sessions/999/stats')[0], 404)
        self.check_log(host)
        wait_until(lambda: self.get('/capture')['frame_rows'] > 30, 'single frames')
        name = capture['id']
        self.assertTrue(self.get('/recordings')['recordings'][0]['running'])
        self.assertEqual(self.ask('DELETE', '/recordings/' + name)[0], 409)
        stopped = host.cli_json('stats', 'record', 'stop')
        self.assertEqual((stopped['armed'], stopped['problem']), (False, ''))
        # while the stream goes on
        stream.wait_frames(10, stream.mark)

        entry = host.cli_json('stats', 'list')['recordings'][0]
        self.assertEqual((entry['id'], entry['apps'], entry['complete'], entry['running'], entry['reason']),
                         (name, ['paint'], True, False, ''))
        self.assertEqual(entry['samples'], stopped['samples'])
        content = self.get('/recordings/' + name)
        session, = content['sessions']
        self.assertEqual((session['title'], session['rows']), ('paint', entry['samples']))
        change = session['changes'][0]
        self.assertEqual((change['width'], change['height'], change['encoder'], change['codec'],
                          change['client']), (640, 360, 'x264', 'h264', 'tv'))
        columns = session['columns']
        self.assertEqual({len(column) for column in columns.values()}, {entry['samples']})
        self.assertEqual(sum(columns['frames_new']), entry['summary']['frames_new'])
        self.assertEqual(columns['time_ms'], sorted(columns['time_ms']))
        for stage in STAGES:
            for row in zip(*(columns[f'{stage}_{part}_us'] for part in ('p50', 'p95', 'p99', 'max'))):
                self.assertEqual(list(row), sorted(row), stage)
        self.assertGreater(min(columns['total_p50_us'][1:]), 0)
        self.assertGreater(sum(columns['cpu_encode_us']), 0)
        self.assertGreater(columns['goodput_kbps'][-1], 0)

        # all ways tell the same
        rows = list(csv.DictReader(io.StringIO(host.cli('stats', 'export', name, 'csv').stdout)))
        self.assertEqual([int(row['total_p99_us']) for row in rows], columns['total_p99_us'])
        self.assertEqual({(row['encoder'], row['width']) for row in rows}, {('x264', '640')})
        self.assertEqual(json.loads(host.cli('stats', 'export', name).stdout), content)
        thin = self.get(f'/recordings/{name}?points=2')['sessions'][0]['columns']
        self.assertEqual(sorted(thin['total_max_us']),
                         [min(columns['total_max_us']), max(columns['total_max_us'])])
        frames = self.get(f'/recordings/{name}?rows=frames')['sessions'][0]['columns']
        self.assertEqual(len(frames['bytes']), entry['frame_rows'])
        self.assertEqual(frames['total_us'], [sum(row) for row in zip(
            *(frames[stage + '_us'] for stage in STAGES[:-1]))])
        self.assertLessEqual(set(frames['kind']), {1, 2, 3})

        for bad in ('../identity', '2000-01-01-1', '..', '.hidden', 'x' * 80):
            self.assertEqual(self.ask('GET', '/recordings/' + bad)[0], 404, bad)
        self.assertEqual(host.cli('stats', 'delete', name).returncode, 0)
        self.assertEqual(self.get('/recordings')['recordings'], [])
        self.assertEqual(os.listdir(self.folder(host)), [])
        self.check_stream(stream.quit(), 10)

    def check_log(self, host):
        """What a room says is in the log, as well as on the host's standard error."""
        said = {line['text']: line['level'] for line in self.get('/log?limit=1000')['lines']}
        for name, room in (('display', 'display'), ('encode', 'encoder'), ('stream', 'streamer')):
            start = f'{room} of session 1: confined: '
            line = next((text for text in said if text.startswith(start)), None)
            self.assertIsNotNone(line, said)
            self.assertEqual(said[line], 'debug')
            self.assertIn(f'earthshine-{name}: {line.partition(": ")[2]}\n', host.messages())

    @staticmethod
    def folder(host):
        return os.path.join(host.env['XDG_STATE_HOME'], 'earthshine', 'recordings')

    def test_killed(self):
        """What was recorded by a host that is killed is there, and the next host gives it an end."""
        host = self.serve()
        stream = host.device().paired().play(app=1)
        stream.wait_playing()
        self.assertEqual(self.ask('POST', '/capture')[0], 200)
        self.wait_samples(2)
        before = self.get('/capture')
        host.stop(signal.SIGKILL)
        stream.wait_end()
        wait_until(lambda: not host.rooms(), 'the rooms have gone')
        host.start()
        entry, = self.get('/recordings')['recordings']
        self.assertEqual((entry['id'], entry['complete'], entry['running']), (before['id'], True, False))
        self.assertIn('killed', entry['reason'])
        self.assertGreaterEqual(entry['samples'], before['samples'])
        session, = self.get('/recordings/' + entry['id'])['sessions']
        self.assertEqual(len(session['columns']['total_p50_us']), entry['samples'])
        self.assertEqual(host.stop(), 0)
        left = os.path.join(self.place.runtime, 'earthshine')
        print('left by the one that was killed:', [names for _, *names in os.walk(left)])
        shutil.rmtree(left)

    @staticmethod
    def scrape(host, accept):
        request = urllib.request.Request(f'http://127.0.0.1:{host.metrics}/metrics', headers=accept)
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            return answer.headers['Content-Type'], answer.read().decode()

    def value(self, host, name):
        _, text = self.scrape(host, {})
        found = [line.rsplit(' ', 1)[1] for line in text.splitlines() if line.startswith(name + ' ')]
        self.assertEqual(len(found), 1, (name, text))
        return float(found[0])

    def test_metrics(self):
        """Counters that only grow, also over the end of a session; promtool has nothing to say."""
        host = self.serve(settings=['metrics-address 127.0.0.1:0'])
        stream = host.device('livingroom').paired().play(app=1)
        sent = 'earthshine_frames_total{stage="sent"}'
        wait_until(lambda: self.value(host, sent) > 60, 'frames are counted')
        kind, text = self.scrape(host, {})
        self.assertIn('text/plain; version=0.0.4', kind)
        for part in ('sessions{state="playing"} 1', 'encoder_info{session="1",name="x264",codec="h264"',
                     'encode_seconds_bucket{le="+Inf"}', 'capture_to_send_seconds_count',
                     'build_info{version="'):
            self.assertIn('\nearthshine_' + part, text)
        for secret in ('livingroom', 'paint', '127.0.0.1'):
            self.assertNotIn(secret, text)
        buckets = [float(line.split()[1]) for line in text.splitlines()
                   if line.startswith('earthshine_capture_to_send_seconds_bucket')]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(len(buckets), 11)
        for name in ('earthshine_video_bytes_total', 'earthshine_idr_frames_total',
                     'process_resident_memory_bytes', 'process_open_fds', 'process_cpu_seconds_total'):
            # Of three rooms, which tell theirs one after the other.
            wait_until(lambda name=name: self.value(host, name) > 0, name)
        self.assertLess(abs(self.value(host, 'process_start_time_seconds') - time.time()), 600)
        if shutil.which('promtool'):
            check = subprocess.run(['promtool', 'check', 'metrics'], input=text, text=True,
                                   capture_output=True)
            self.assertEqual((check.returncode, check.stdout + check.stderr), (0, ''))
        kind, text = self.scrape(host, {'Accept': 'application/openmetrics-text;version=1.0.0,*/*;q=0.1'})
        self.assertIn('application/openmetrics-text; version=1.0.0', kind)
        self.assertIn('\n# TYPE earthshine_frames counter\n', text)
        self.assertTrue(text.endswith('\n# EOF\n'))
        before = self.value(host, sent)
        stream.quit()
        self.assertEqual(host.cli('stop').returncode, 0)
        host.wait_no_session()
        self.assertGreaterEqual(self.value(host, sent), before)
        self.assertEqual(self.value(host, 'earthshine_sessions{state="playing"}'), 0)

    def probe(self, host, path):
        """What an orchestrator hears."""
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{host.metrics}{path}', timeout=WAIT) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def test_readiness(self):
        """Not ready before the encoders have been tried, and not while the host lets its sessions end."""
        settings = ['metrics-address 127.0.0.1:0']
        fresh = Early(self, {}, settings, env={'XDG_CACHE_HOME': self.place.file('fresh')})
        self.hosts.append(fresh)
        self.assertEqual(self.probe(fresh, '/readyz'), (503, 'the encoders are still being tried\n'))
        self.assertEqual(self.probe(fresh, '/healthz')[0], 200)
        self.assertEqual(fresh.stop(), 0)
        host = self.serve({'stubborn': ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done']},
                          settings=settings)
        self.assertEqual(self.probe(host, '/readyz'), (200, 'ready\n'))
        self.assertEqual(self.ask('POST', '/sessions', {'app': 1, 'width': 640, 'height': 360})[0], 200)
        wait_until(lambda: self.place.process('sh'), 'the app runs')
        self.assertEqual(self.ask('POST', '/drain')[0], 200)
        self.assertEqual(self.probe(host, '/readyz'), (503, 'the host takes no new sessions\n'))
        self.assertEqual(self.probe(host, '/healthz')[0], 200)
        self.assertEqual(host.popen.wait(WAIT), 0)  # by itself

    @staticmethod
    def fill(path):
        with open(path, 'wb', buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError as error:
                print(error)

    def test_full_disk(self):
        """The recording ends with a reason; the stream does not notice."""
        state = self.place.file('state')
        unmount = harness.small_disk(state, 1 << 20)
        self.addCleanup(unmount)
        os.chmod(state, 0o700)
        host = self.serve()
        stream = host.device().paired().play(app=1)
        stream.wait_playing()
        self.assertEqual(self.ask('POST', '/capture', {'frames': True})[0], 200)
        self.wait_samples(1)
        name = self.get('/capture')['id']
        self.fill(os.path.join(state, 'fill'))
        wait_until(lambda: not self.get('/capture')['armed'], 'the recording has ended')
        capture = self.get('/capture')
        self.assertIn('No space left on device', capture['problem'])
        self.assertIn(f'the recording {name} has ended', host.messages())
        entry, = self.get('/recordings')['recordings']
        self.assertEqual((entry['complete'], entry['reason']), (True, capture['problem']))
        mark = stream.mark
        stream.wait_frames(60, mark)
        os.unlink(os.path.join(state, 'fill'))
        self.assertEqual(self.ask('POST', '/capture')[0], 200)
        self.wait_samples(1)
        self.check_stream(stream.quit(), 60)
        wait_until(lambda: host.sessions()[0]['state'] == 'detached', 'detached')
        self.assertEqual(host.stop(), 0)


if __name__ == '__main__':
    harness.main()
