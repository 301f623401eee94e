// One session: its graphs as they grow, and what can be done to it.

import {ApiError, call, get} from '../core/api.js';
import {toast} from '../core/dialogs.js';
import {busy, button, field, fill, h} from '../core/dom.js';
import {duration, mode} from '../core/format.js';
import {Graph} from '../core/graph.js';
import {live} from '../core/live.js';
import {captureControl} from '../core/capture.js';
import {go} from '../core/router.js';
import {STAGES} from '../core/stages.js';
import {mayPlay, stop} from './home.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */
/** @typedef {import('../core/live.js').Point} Point */

/** @param {HTMLElement} parent @param {AbortSignal} signal */
function graphs(parent, signal) {
	const latency = new Graph(parent, {
		title: t.session.latency, unit: 'ms', digits: 2, stacked: true,
		lines: [...STAGES.map((name, index) => ({label: t.session.stages[name], color: `stage-${index + 1}`})),
			{label: t.session.total, color: 'text', apart: true}, {label: t.session.frameTime, color: 'limit', dashed: true, apart: true}],
	}, signal);
	const throughput = new Graph(parent, {
		title: t.session.throughput, unit: 'Mbit/s',
		lines: [{label: t.session.sent, color: 'accent'}, {label: t.session.allowed, color: 'limit', dashed: true}],
	}, signal);
	const frames = new Graph(parent, {
		title: t.session.frames, unit: '', digits: 0,
		lines: [{label: t.session.fresh, color: 'accent'}, {label: t.session.repeated, color: 'stage-1'},
			{label: t.session.superseded, color: 'stage-3'}, {label: t.session.dropped, color: 'limit'}],
	}, signal);
	const health = new Graph(parent, {
		title: t.session.health, unit: '',
		lines: [{label: t.session.loss, color: 'limit'}, {label: t.session.fec, color: 'stage-3'}, {label: t.session.rtt, color: 'accent'}],
	}, signal);
	/** @param {Point[]} points @param {'p50' | 'p99'} percentile @param {number} frameMs */
	return (points, percentile, frameMs) => {
		const column = (/** @type {(point: Point) => number | null} */ pick) => points.map(pick);
		const at = column((point) => point.at);
		latency.set([at, ...STAGES.map((name) => column((point) => point.stages[name]?.[percentile] ?? null)),
			column((point) => point[percentile]), column(() => frameMs)]);
		throughput.set([at, column((point) => point.mbps), column((point) => point.target)]);
		frames.set([at, column((point) => point.fps), column((point) => point.repeated), column((point) => point.superseded), column((point) => point.dropped)]);
		health.set([at, column((point) => point.loss), column((point) => point.fec), column((point) => point.rtt)]);
	};
}

/** @param {(percentile: 'p50' | 'p99') => void} changed */
function toggle(changed) {
	const choice = (/** @type {'p50' | 'p99'} */ name, /** @type {boolean} */ checked) => h('label', {},
		h('input', {type: 'radio', name: 'percentile', value: name, checked, onchange: () => changed(name)}), t.session[name]);
	return h('fieldset', {class: 'segments', 'aria-label': t.session.percentile}, choice('p50', true), choice('p99', false));
}

/** @param {any} session */
function bitrate(session) {
	const input = h('input', {
		type: 'number', min: '0.5', step: '0.5', required: true, name: 'bitrate', value: String(Math.max(0.5, Math.round(session.stats.bitrate_kbps / 500) / 2)),
	});
	const apply = h('button', {type: 'submit'}, t.session.apply);
	return h('form', {
		class: 'row',
		onsubmit: (/** @type {Event} */ event) => {
			event.preventDefault();
			busy(apply, async () => {
				await call('PATCH', `/sessions/${session.id}`, {bitrate_kbps: Math.round(Number(input.value) * 1000)});
				toast(t.session.bitrateSet(input.value));
			});
		},
	}, field(t.session.bitrate, input), apply);
}

/** @param {any} session */
const facts = (session) => [[t.session.client, session.client],
	[t.pages.session, t.session.states[/** @type {keyof typeof t.session.states} */ (session.state)] ?? session.state],
	[t.session.mode, mode(session)], [t.session.encoder, [session.encoder, session.codec].filter(Boolean).join(', ') || t.unknown],
	[t.session.time, duration(session.seconds)]];

/** @type {Page} */
export const page = {
	title: t.pages.session,
	async show(main, context) {
		const id = Number(context.args[0]);
		if (!id) {
			go('#/home');
			return;
		}
		let session = await get(`/sessions/${id}`, context.signal).catch((error) => {
			if (error instanceof ApiError && error.status === 404) {
				return null;
			}
			throw error;
		});
		const over = () => fill(main, h('p', {class: 'card'}, t.session.over), h('a', {class: 'button', href: '#/home'}, t.session.home));
		if (!session) {
			over();
			return;
		}
		const list = h('dl', {class: 'facts'});
		const plots = h('div', {class: 'grid two'});
		const note = h('p', {class: 'muted'}, t.session.gathering);
		const draw = graphs(plots, context.signal);
		/** @type {'p50' | 'p99'} */
		let percentile = 'p50';
		const plot = () => {
			const points = live.points(id);
			note.hidden = points.length > 1;
			draw(points, percentile, 1e6 / Math.max(1, session.refresh_mhz));
		};
		const tell = () => fill(list, ...facts(session).flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
		const hear = (/** @type {{sessions: any[]}} */ state) => {
			const now = state.sessions.find((one) => one.id === id);
			if (now) {
				session = now;
				tell();
			} else {
				over();
			}
		};
		tell();
		fill(main, h('h2', {}, session.title), list,
			h('div', {class: 'actions top'}, mayPlay(session) ? h('a', {class: 'button primary', href: `#/play/${id}`}, t.session.play) : null,
				button(t.session.idr, async () => {
					await call('POST', `/sessions/${id}/idr`);
					toast(t.session.idrDone);
				}), captureControl(context), button(t.session.stop, async () => {
					if (await stop(session)) {
						go('#/home');
					}
				}, {class: 'danger'})),
			bitrate(session), h('div', {class: 'actions top spaced'}, toggle((name) => {
				percentile = name;
				plot();
			}), note), plots);
		plot();
		context.on(['session', 'stats'], hear);
		live.addEventListener('points', plot, {signal: context.signal});
	},
};
