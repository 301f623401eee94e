// What can be started: listed, made, changed, sorted, and played here.

import {call, get} from '../core/api.js';
import {dialog, sure, toast} from '../core/dialogs.js';
import {button, field, fill, h} from '../core/dom.js';
import {startApp} from '../core/start.js';
import {join, split} from '../core/words.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */

const MAX_COVER = 4 << 20;
/** Browsers keep pictures: another number is another picture. */
let covers = Date.now();

/** @param {number} id */
const coverOf = (id) => `/api/v1/apps/${id}/cover#${covers}`;

/** @param {File | undefined} file */
function checkCover(file) {
	if (file && file.size > MAX_COVER) {
		throw new Error(t.apps.tooLarge);
	}
	if (file && !['image/png', 'image/jpeg'].includes(file.type)) {
		throw new Error(t.apps.notPicture);
	}
}

/** @param {string} text @param {number} [maxlength] */
const line = (text, maxlength) => h('input', {type: 'text', value: text, spellcheck: 'false', autocapitalize: 'off', maxlength: maxlength ?? null});

/** Made, or changed. @param {any} app null: a new one */
async function edit(app) {
	const title = h('input', {type: 'text', value: app?.title ?? '', required: true, maxlength: '127', name: 'title'});
	const command = h('input', {type: 'text', value: join(app?.command ?? []), required: true, spellcheck: 'false', autocapitalize: 'off', name: 'command'});
	const env = h('textarea', {rows: '2', value: (app?.env ?? []).join('\n'), spellcheck: 'false', autocapitalize: 'off'});
	const before = line(join(app?.before ?? []));
	const after = line(join(app?.after ?? []));
	const keyboard = line(app?.keyboard ?? '');
	const gamepad = h('select', {}, ...Object.entries(t.apps.gamepads).map(([name, label]) => h('option', {value: name}, label)));
	gamepad.value = app?.gamepad ?? 'auto';
	const devices = line(app?.local_devices ?? '');
	const contain = h('input', {type: 'checkbox', checked: app?.contain ?? true});
	const isPrivate = h('input', {type: 'checkbox', checked: app?.private ?? false});
	const cover = h('input', {type: 'file', accept: 'image/png,image/jpeg', name: 'cover'});
	const saved = await dialog({
		title: app ? `${t.apps.edit}: ${app.title}` : t.apps.add, yes: t.save,
		content: [field(t.apps.title, title), field(t.apps.command, command, t.apps.commandHelp), field(t.apps.cover, cover, t.apps.coverHelp),
			h('details', {}, h('summary', {}, t.apps.more), field(t.apps.env, env, t.apps.envHelp), field(t.apps.before, before, t.apps.beforeHelp),
				field(t.apps.after, after, t.apps.afterHelp), field(t.apps.keyboard, keyboard, t.apps.keyboardHelp),
				field(t.apps.gamepad, gamepad), field(t.apps.localDevices, devices, t.apps.localDevicesHelp),
				h('label', {class: 'check'}, contain, t.apps.contain), h('label', {class: 'check'}, isPrivate, t.apps.private))],
		submit: async () => {
			const file = cover.files?.[0];
			checkCover(file);
			const wanted = {
				title: title.value, command: split(command.value), env: env.value.split('\n').filter((text) => text.trim() !== ''),
				before: split(before.value), after: split(after.value), keyboard: keyboard.value.trim(), gamepad: gamepad.value,
				private: isPrivate.checked, local_devices: devices.value.trim(), contain: contain.checked,
			};
			const result = app ? await call('PATCH', `/apps/${app.id}`, wanted) : await call('POST', '/apps', wanted);
			app = result; // if the cover fails, the next try changes it
			if (file) {
				await call('PUT', `/apps/${result.id}/cover`, file);
				covers = Date.now();
			}
			return result;
		},
	});
	if (saved) {
		toast(t.apps.saved(saved.title));
	}
	return saved;
}

/** @param {any} app */
async function remove(app) {
	if (await sure(t.apps.sure(app.title), t.apps.sureText, t.apps.remove)) {
		await call('DELETE', `/apps/${app.id}`);
		toast(t.apps.removed(app.title));
	}
}

/** @type {Page} */
export const page = {
	title: t.pages.apps,
	async show(main, context) {
		const list = h('ul', {class: 'apps'});
		/** @type {any[]} */
		let apps = [];
		const move = async (/** @type {number} */ from, /** @type {number} */ by) => {
			const ids = apps.map((app) => app.id);
			ids.splice(from + by, 0, ...ids.splice(from, 1));
			tell(await call('POST', '/apps/order', {ids}));
		};
		const item = (/** @type {any} */ app, /** @type {number} */ index) => h('li', {class: 'app card', 'data-app': app.id},
			h('img', {class: 'cover', src: coverOf(app.id), alt: '', loading: 'lazy'}),
			h('div', {class: 'grow'}, h('h2', {}, app.title),
				app.problem ? h('p', {class: 'error'}, t.apps.problem(app.problem)) : null,
				app.command ? h('p', {class: 'mono muted wrap'}, join(app.command)) : null,
				app.locked ? h('p', {class: 'muted'}, t.apps.locked) : null),
			h('div', {class: 'actions'}, button(t.apps.play, () => startApp(app), {class: 'primary', disabled: app.problem !== ''}),
				app.locked ? null : button(t.apps.edit, () => edit(app)),
				app.locked ? null : button(t.apps.remove, () => remove(app), {class: 'danger'}),
				h('span', {class: 'order'},
					button('↑', () => move(index, -1), {class: 'quiet', 'aria-label': t.apps.up(app.title), disabled: index === 0}),
					button('↓', () => move(index, 1), {class: 'quiet', 'aria-label': t.apps.down(app.title), disabled: index === apps.length - 1}))));
		const tell = (/** @type {{apps: any[]}} */ state) => {
			const label = list.contains(document.activeElement) ? document.activeElement?.getAttribute('aria-label') : null;
			apps = state.apps;
			fill(list, ...apps.map(item));
			if (apps.length === 0) {
				fill(list, h('li', {class: 'card empty'}, h('p', {}, t.apps.none), h('p', {class: 'muted'}, t.apps.noneHelp)));
			}
			if (label) {
				const again = [...list.querySelectorAll('button')].find((element) => element.getAttribute('aria-label') === label);
				again?.focus();
			}
		};
		const ask = async () => tell(await get('/apps', context.signal));
		await ask();
		fill(main, h('div', {class: 'actions top'}, button(t.apps.add, () => edit(null), {class: 'primary'})), list);
		context.on(['apps', 'reset'], () => ask());
	},
};
