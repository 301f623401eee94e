// What the recorder has kept: listed, opened, two compared, downloaded, deleted.

import {call, get, getBlob} from '../core/api.js';
import {captureControl} from '../core/capture.js';
import {sure, toast} from '../core/dialogs.js';
import {save} from '../core/download.js';
import {button, fill, h} from '../core/dom.js';
import {bytes, duration, number, when} from '../core/format.js';
import {Graph} from '../core/graph.js';
import {go} from '../core/router.js';
import {STAGES} from '../core/stages.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */
/** @typedef {import('../core/router.js').Context} Context */

const POINTS = 1000;

/** @param {any} recording */
const titles = (recording) => recording.apps.join(', ') || t.unknown;

/** @param {any} recording @param {string} format */
const name = (recording, format) => `${recording.id}.${format}`;

/** @param {any} recording @param {'json' | 'csv'} format */
async function download(recording, format) {
	save(await getBlob(`/recordings/${encodeURIComponent(recording.id)}?format=${format}`), name(recording, format));
}

/** @param {any} recording */
async function remove(recording) {
	if (await sure(t.recordings.sure(recording.id), t.recordings.sureText, t.recordings.remove)) {
		await call('DELETE', `/recordings/${encodeURIComponent(recording.id)}`);
		toast(t.recordings.removed(recording.id));
		return true;
	}
	return false;
}

/** @param {any} recording */
const actions = (recording, /** @type {() => unknown} */ removed) => h('div', {class: 'actions'},
	button(t.recordings.json, () => download(recording, 'json'), {'aria-label': `${t.recordings.download}: ${name(recording, 'json')}`}),
	button(t.recordings.csv, () => download(recording, 'csv'), {'aria-label': `${t.recordings.download}: ${name(recording, 'csv')}`}),
	button(t.recordings.remove, async () => {
		if (await remove(recording)) {
			removed();
		}
	}, {class: 'danger', disabled: recording.running === true}));

/** @param {HTMLElement} main @param {Context} context */
async function showList(main, context) {
	/** @type {Set<string>} */
	const chosen = new Set();
	const body = h('tbody');
	const none = h('p', {class: 'card'}, t.recordings.none);
	const compare = button(t.recordings.compare, () => go(`#/recordings/${[...chosen].map(encodeURIComponent).join('/')}`), {disabled: true});
	const mark = () => {
		compare.disabled = chosen.size !== 2;
	};
	const row = (/** @type {any} */ recording) => h('tr', {'data-recording': recording.id},
		h('td', {class: 'pick'}, h('label', {}, h('input', {
			type: 'checkbox', checked: chosen.has(recording.id), 'aria-label': t.recordings.choose(recording.id),
			onchange: (/** @type {Event} */ event) => {
				const {checked} = /** @type {HTMLInputElement} */ (event.target);
				chosen[checked ? 'add' : 'delete'](recording.id);
				mark();
			},
		}))),
		h('td', {}, h('a', {href: `#/recordings/${encodeURIComponent(recording.id)}`}, recording.id),
			h('br'), h('small', {}, recording.running ? t.recordings.running : titles(recording))),
		h('td', {}, when(recording.started_ms / 1000)),
		h('td', {class: 'number'}, duration(recording.seconds)),
		h('td', {class: 'number'}, bytes(recording.size)),
		h('td', {}, actions(recording, ask)));
	const table = h('div', {class: 'scroll'}, h('table', {class: 'stack'}, h('thead', {}, h('tr', {}, h('th', {}), h('th', {}, t.recordings.name),
		h('th', {}, t.recordings.begun), h('th', {class: 'number'}, t.recordings.length), h('th', {class: 'number'}, t.recordings.size), h('th', {}))), body));
	const ask = async () => {
		const {recordings} = await get('/recordings', context.signal);
		const ids = new Set(recordings.map((/** @type {any} */ recording) => recording.id));
		[...chosen].filter((id) => !ids.has(id)).forEach((id) => chosen.delete(id));
		mark();
		fill(body, ...recordings.map(row));
		none.hidden = recordings.length > 0;
		table.hidden = recordings.length === 0;
	};
	await ask();
	fill(main, h('div', {class: 'actions top'}, captureControl(context), compare, h('span', {class: 'muted'}, t.recordings.chosen)), none, table);
	context.on(['capture', 'reset'], ask);
}

/** @param {any} recording @returns {any[]} its sessions that have windows */
const sessionsOf = (recording) => recording.sessions.filter((/** @type {any} */ session) => session.columns.time_ms.length > 0);

/** @param {any} windows @param {string} column @param {(value: number) => number} [convert] */
const column = (windows, column, convert = (value) => value) => (windows[column] ?? windows.time_ms.map(() => null)).map(
	(/** @type {number | null} */ value) => (value === null ? null : convert(value)));

const ms = (/** @type {number} */ us) => us / 1000;

/** @param {HTMLElement} parent @param {any} session @param {'p50' | 'p99'} percentile @param {AbortSignal} signal */
function graphs(parent, session, percentile, signal) {
	const windows = session.columns;
	const refresh = session.changes.at(-1)?.refresh_mhz ?? 0;
	const at = windows.time_ms.map((/** @type {number} */ time) => time / 1000);
	const perSecond = (/** @type {string} */ name) => column(windows, name).map((/** @type {number | null} */ value, /** @type {number} */ row) =>
		(value === null ? null : value * 1000 / (windows.window_ms?.[row] || 1000)));
	new Graph(parent, {
		title: `${session.title}: ${percentile === 'p50' ? t.session.latencyP50 : t.session.latencyP99}`, unit: 'ms', digits: 2, stacked: true, sinceStart: true,
		lines: [...STAGES.map((name, index) => ({label: t.session.stages[name], color: `stage-${index + 1}`})),
			{label: t.session.total, color: 'text', apart: true}, {label: t.session.frameTime, color: 'limit', dashed: true, apart: true}],
	}, signal).set([at, ...STAGES.map((name) => column(windows, `${name}_${percentile}_us`, ms)), column(windows, `total_${percentile}_us`, ms),
		at.map(() => (refresh > 0 ? 1e6 / refresh : null))]);
	new Graph(parent, {
		title: `${session.title}: ${t.session.frames}`, unit: '', digits: 0, sinceStart: true,
		lines: [{label: t.session.fresh, color: 'accent'}, {label: t.session.repeated, color: 'stage-1'}, {label: t.session.superseded, color: 'stage-3'}],
	}, signal).set([at, perSecond('frames_new'), perSecond('frames_repeated'), perSecond('frames_superseded')]);
	new Graph(parent, {
		title: `${session.title}: ${t.session.throughput}`, unit: 'Mbit/s', sinceStart: true,
		lines: [{label: t.session.sent, color: 'accent'}, {label: t.session.allowed, color: 'limit', dashed: true}],
	}, signal).set([at, column(windows, 'goodput_kbps', ms), column(windows, 'bitrate_kbps', ms)]);
	new Graph(parent, {
		title: `${session.title}: ${t.session.health}`, unit: '', sinceStart: true,
		lines: [{label: t.session.fec, color: 'stage-3'}, {label: t.session.rtt, color: 'accent'}],
	}, signal).set([at, column(windows, 'fec_percent'), column(windows, 'rtt_us', ms)]);
}

/** @type {[string, string, (summary: any, seconds: number) => number | null][]} */
const FIGURES = [
	[t.recordings.length, 's', (_summary, seconds) => seconds],
	[t.session.latencyP50, 'ms', (summary) => summary.latency_p50_us / 1000],
	[t.session.latencyP99, 'ms', (summary) => summary.latency_p99_us / 1000],
	[t.session.fresh, '', (summary) => summary.frames_new],
	[t.session.repeated, '', (summary) => summary.frames_repeated],
	[t.session.superseded, '', (summary) => summary.frames_superseded],
	[t.session.dropped, '', (summary) => summary.frames_dropped],
	[t.session.throughput, 'Mbit/s', (summary, seconds) => summary.bytes * 8 / 1e6 / Math.max(0.001, seconds)],
	[t.session.loss, '', (summary) => (summary.datagrams > 0 ? 100 * summary.datagrams_lost / summary.datagrams : 0)],
];

/** @param {any[]} recordings one or two */
function summary(recordings) {
	const difference = (/** @type {number[]} */ [a, b]) => (a > 0 ? `${b >= a ? '+' : ''}${((b / a - 1) * 100).toFixed(0)} %` : t.unknown);
	return h('div', {class: 'scroll'}, h('table', {class: 'summary'},
		h('thead', {}, h('tr', {}, h('th', {}, t.recordings.figure), ...recordings.map((recording) => h('th', {class: 'number'}, recording.id)),
			recordings.length === 2 ? h('th', {class: 'number'}, t.recordings.difference) : null)),
		h('tbody', {}, ...FIGURES.map(([label, unit, pick]) => {
			const values = recordings.map((recording) => pick(recording.summary, recording.seconds) ?? NaN);
			const digits = unit === '' ? 0 : 2;
			return h('tr', {}, h('td', {}, label), ...values.map((value) => h('td', {class: 'number'}, `${number(value, digits)} ${unit}`)),
				values.length === 2 ? h('td', {class: 'number'}, difference(values)) : null);
		}))));
}

/** @param {HTMLElement} main @param {Context} context */
async function showSome(main, context) {
	const ids = context.args.slice(0, 2);
	const [list, ...recordings] = await Promise.all([get('/recordings', context.signal),
		...ids.map((id) => get(`/recordings/${encodeURIComponent(id)}?points=${POINTS}`, context.signal))]);
	const heads = ids.map((id) => list.recordings.find((/** @type {any} */ recording) => recording.id === id)).filter(Boolean);
	/** @type {AbortController | null} */
	let drawn = null;
	const plots = h('div', {class: recordings.length === 2 ? 'grid two' : 'grid'});
	const draw = (/** @type {'p50' | 'p99'} */ percentile) => {
		drawn?.abort();
		drawn = new AbortController();
		context.onEnd(() => drawn?.abort());
		const {signal} = drawn;
		fill(plots, ...recordings.map((recording) => {
			const side = h('div', {class: 'grid', 'data-recording': recording.id}, h('h2', {}, recording.id));
			const sessions = sessionsOf(recording);
			sessions.forEach((session) => graphs(side, session, percentile, signal));
			if (sessions.length === 0) {
				side.append(h('p', {class: 'card'}, t.recordings.empty));
			}
			return side;
		}));
	};
	const choice = (/** @type {'p50' | 'p99'} */ percentile, /** @type {boolean} */ checked) => h('label', {},
		h('input', {type: 'radio', name: 'percentile', checked, onchange: () => draw(percentile)}), t.session[percentile]);
	fill(main, h('div', {class: 'actions top'}, h('a', {class: 'button', href: '#/recordings'}, t.recordings.back),
		h('fieldset', {class: 'segments', 'aria-label': t.session.percentile}, choice('p50', true), choice('p99', false)),
		recordings.length === 1 ? actions(recordings[0], () => go('#/recordings')) : null),
	h('section', {}, h('h2', {}, t.recordings.summary), summary(heads)), plots);
	draw('p50');
}

/** @type {Page} */
export const page = {
	title: t.pages.recordings,
	async show(main, context) {
		await (context.args.length > 0 ? showSome(main, context) : showList(main, context));
	},
};
