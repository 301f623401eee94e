// The host's log, as it goes on.

import {get, getBlob} from '../core/api.js';
import {save} from '../core/download.js';
import {button, field, fill, h} from '../core/dom.js';
import {clock} from '../core/format.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */

const LEVELS = /** @type {const} */ (['error', 'warn', 'info', 'debug']);
const PAGE = 200;
const MAX_LINES = 5000;

/** @type {Page} */
export const page = {
	title: t.pages.log,
	async show(main, context) {
		/** @type {any[]} */
		let lines = [];
		const level = h('select', {onchange: () => ask()}, ...LEVELS.map((name) => h('option', {value: name}, t.log.levels[name])));
		level.value = 'info';
		const filter = h('input', {type: 'search', oninput: () => draw()});
		const follow = h('input', {type: 'checkbox', checked: true, onchange: () => scroll()});
		const list = h('ul', {class: 'log whole', tabindex: '0', 'aria-label': t.pages.log});
		const older = button(t.log.older, () => askOlder());
		const scroll = () => {
			if (follow.checked) {
				list.scrollTop = list.scrollHeight;
			}
		};
		const matches = (/** @type {any} */ line) => LEVELS.indexOf(line.level) <= LEVELS.indexOf(/** @type {any} */ (level.value))
			&& line.text.toLowerCase().includes(filter.value.toLowerCase());
		const item = (/** @type {any} */ line) => h('li', {class: `line ${line.level}`}, h('time', {}, clock(line.time_ms)), ' ', line.text);
		const draw = () => {
			const shown = lines.filter(matches);
			fill(list, ...shown.map(item), shown.length === 0 ? h('li', {class: 'muted none'}, t.log.none) : null);
			scroll();
		};
		const query = (/** @type {string} */ more) => get(`/log?limit=${PAGE}&level=${level.value}${more}`, context.signal);
		const ask = async () => {
			const state = await query('');
			lines = state.lines;
			older.hidden = !state.more;
			draw();
		};
		const askOlder = async () => {
			const state = await query(lines.length > 0 ? `&before=${lines[0].id}` : '');
			lines = [...state.lines, ...lines];
			older.hidden = !state.more;
			follow.checked = false;
			draw();
		};
		const download = async () => save(await getBlob(`/log?limit=1000&level=${level.value}`), 'earthshine-log.json');
		await ask();
		fill(main, h('div', {class: 'row actions top'}, field(t.log.level, level), field(t.log.filter, filter),
			h('label', {class: 'check'}, follow, t.log.follow), older, button(t.log.download, download)), list);
		scroll();
		context.on('reset', () => ask());
		context.on('log', (/** @type {any} */ state) => {
			const last = lines.at(-1)?.id ?? 0;
			const fresh = state.lines.filter((/** @type {any} */ line) => line.id > last);
			lines = [...lines, ...fresh].slice(-MAX_LINES);
			const shown = fresh.filter(matches);
			if (shown.length > 0) {
				list.querySelector('.none')?.remove();
				list.append(...shown.map(item));
				scroll();
			}
		});
	},
};
