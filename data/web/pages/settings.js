// How the host is set, and who says so.

import {call, get} from '../core/api.js';
import {toast} from '../core/dialogs.js';
import {busy, button, fill, h, keep} from '../core/dom.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */

/** @param {any} setting @param {(settings: any) => void} changed */
function item(setting, changed) {
	const id = `setting-${setting.name}`;
	const isSwitch = ['yes', 'no'].includes(setting.default);
	const value = isSwitch ? h('select', {id}, h('option', {value: 'yes'}, t.yes), h('option', {value: 'no'}, t.no))
		: h('input', {id, type: 'text', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off'});
	const save = h('button', {type: 'submit', class: 'primary'}, t.save);
	const reset = button(t.settings.reset, () => store(null));
	const source = h('span', {class: 'state'});
	const note = h('p', {class: 'muted'});
	const error = h('p', {class: 'error', role: 'alert'});
	let known = setting;
	const mark = () => {
		save.disabled = known.locked || value.value === known.value;
	};
	const store = async (/** @type {string | null} */ wanted) => {
		fill(error);
		try {
			changed(await call('PATCH', '/settings', {[setting.name]: wanted}));
			toast(t.settings.saved(setting.name));
		} catch (problem) {
			fill(error, /** @type {Error} */ (problem).message);
		}
	};
	const element = h('li', {class: 'card', 'data-setting': setting.name}, h('form', {
		class: 'grow', oninput: mark,
		onsubmit: (/** @type {Event} */ event) => {
			event.preventDefault();
			busy(save, () => store(value.value));
		},
	}, h('label', {for: id, class: 'label'}, h('strong', {class: 'mono'}, setting.name), ' ', source), h('p', {class: 'help'}, setting.help),
	h('div', {class: 'actions'}, h('div', {class: 'grow'}, value), save, reset), note, error));
	return {
		element,
		/** @param {any} now */
		update(now) {
			if (document.activeElement !== value || known.value === value.value) {
				value.value = now.value;
			}
			known = now;
			value.toggleAttribute('disabled', now.locked);
			save.hidden = now.locked;
			reset.hidden = now.source !== 'console';
			const whose = t.settings.source[/** @type {keyof typeof t.settings.source} */ (now.source)];
			fill(source, whose);
			const why = now.source === 'file' || now.source === 'command line' ? t.settings.locked(whose) : t.settings.restart;
			fill(note, now.locked ? why : t.settings.standard(now.default));
			mark();
		},
	};
}

/** @type {Page} */
export const page = {
	title: t.pages.settings,
	async show(main, context) {
		const list = h('ul', {class: 'list'});
		const known = new Map();
		const tell = (/** @type {{settings: any[]}} */ state) =>
			keep(list, state.settings, (setting) => setting.name, (setting) => item(setting, tell), known);
		tell(await get('/settings', context.signal));
		fill(main, list);
		context.on(['settings', 'reset'], async () => tell(await get('/settings', context.signal)));
	},
};
