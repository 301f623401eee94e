// Paired devices, and scripts that may use the API.

import {call, get} from '../core/api.js';
import {dialog, sure, toast} from '../core/dialogs.js';
import {busy, button, field, fill, h, keep} from '../core/dom.js';
import {when} from '../core/format.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */

/** @param {string[]} names @param {string} value */
function roles(names, value) {
	const select = h('select', {}, ...names.map((name) =>
		h('option', {value: name}, t.devices.roles[/** @type {keyof typeof t.devices.roles} */ (name)])));
	select.value = value;
	return select;
}

/** @param {any} client */
function item(client) {
	const title = h('h2', {});
	const name = h('input', {type: 'text', required: true, maxlength: '63', name: 'name'});
	const keyboard = h('input', {type: 'text', spellcheck: 'false', autocapitalize: 'off', maxlength: '63', name: 'keyboard'});
	const role = roles(['view', 'play'], client.role);
	const legacy = h('input', {type: 'checkbox'});
	const clipboard = h('input', {type: 'checkbox'});
	const save = h('button', {type: 'submit', class: 'primary'}, t.save);
	let known = client;
	const state = () => ({
		name: name.value, role: role.value, legacy: legacy.checked, keyboard: keyboard.value.trim(),
		...('clipboard' in known ? {clipboard: clipboard.checked} : {}),
	});
	const isChanged = () => Object.entries(state()).some(([key, value]) => known[key] !== value);
	const mark = () => {
		save.disabled = !isChanged();
	};
	const store = async () => {
		const wanted = Object.fromEntries(Object.entries(state()).filter(([key, value]) => known[key] !== value));
		const now = await call('PATCH', `/clients/${client.id}`, wanted);
		update(now, true);
		toast(t.devices.saved(now.name));
	};
	const revoke = async () => {
		if (await sure(t.devices.sure(known.name), t.devices.sureText, t.devices.revoke)) {
			await call('DELETE', `/clients/${client.id}`);
			toast(t.devices.revoked(known.name));
		}
	};
	/** What the user is changing stays as it is. @param {any} now @param {boolean} [anyway] */
	const update = (now, anyway = false) => {
		const keep = !anyway && element.isConnected && isChanged();
		known = now;
		fill(title, now.name);
		if (!keep) {
			name.value = now.name;
			keyboard.value = now.keyboard;
			role.value = now.role;
			legacy.checked = now.legacy;
			clipboard.checked = now.clipboard ?? false;
		}
		mark();
	};
	const element = h('li', {class: 'card', 'data-client': client.id}, h('form', {
		class: 'grow', oninput: mark,
		onsubmit: (/** @type {Event} */ event) => {
			event.preventDefault();
			busy(save, store);
		},
	}, title, h('p', {class: 'muted'}, t.devices.since(when(client.paired_at))), h('div', {class: 'grid two'},
		h('div', {}, field(t.devices.name, name), field(t.devices.role, role)),
		h('div', {}, field(t.devices.keyboard, keyboard, t.devices.keyboardHelp),
			h('label', {class: 'check'}, legacy, t.devices.legacy),
			'clipboard' in client ? h('label', {class: 'check'}, clipboard, t.devices.clipboard) : null)),
	h('div', {class: 'actions'}, save, button(t.devices.revoke, revoke, {class: 'danger'}))));
	return {element, update};
}

/** @param {() => Promise<void>} changed */
async function makeToken(changed) {
	const name = h('input', {type: 'text', required: true, maxlength: '63'});
	const role = roles(['view', 'play', 'admin'], 'view');
	const token = await dialog({
		title: t.devices.addToken, yes: t.devices.makeToken, content: [field(t.devices.tokenName, name), field(t.devices.role, role)],
		submit: () => call('POST', '/tokens', {name: name.value, role: role.value}),
	});
	if (token) {
		await changed();
		await dialog({
			title: token.name, text: t.devices.tokenIs, content: [h('p', {class: 'mono wrap'}, token.token)], submit: () => true,
		});
	}
}

/** @param {HTMLElement} section @param {AbortSignal} signal */
async function tokens(section, signal) {
	const list = h('ul', {class: 'list'});
	const ask = async () => {
		const state = await get('/tokens', signal);
		fill(list, ...state.tokens.map((/** @type {any} */ token) => h('li', {class: 'card'},
			h('div', {class: 'grow'}, h('h3', {}, token.name), h('p', {class: 'muted'},
				`${t.devices.roles[/** @type {keyof typeof t.devices.roles} */ (token.role)]} · ${when(token.created_at)}`)),
			button(t.devices.drop, async () => {
				if (await sure(t.devices.dropToken(token.name), t.devices.dropText, t.devices.drop)) {
					await call('DELETE', `/tokens/${token.id}`);
					await ask();
				}
			}, {class: 'danger'}))));
		if (state.tokens.length === 0) {
			fill(list, h('li', {class: 'muted'}, t.devices.noTokens));
		}
	};
	await ask();
	fill(section, h('h2', {}, t.devices.tokens), h('p', {class: 'help'}, t.devices.tokensHelp), list,
		h('div', {class: 'actions'}, button(t.devices.addToken, () => makeToken(ask))));
}

/** @type {Page} */
export const page = {
	title: t.pages.devices,
	async show(main, context) {
		const list = h('ul', {class: 'list'});
		const none = h('p', {class: 'card'}, t.devices.none);
		const known = new Map();
		const tell = (/** @type {{clients: any[]}} */ state) => {
			keep(list, state.clients, (client) => client.id, item, known);
			none.hidden = state.clients.length > 0;
		};
		tell(await get('/clients', context.signal));
		const section = h('section');
		fill(main, h('section', {}, none, list, h('div', {class: 'actions'}, h('a', {class: 'button', href: '#/pair'}, t.devices.pair))), section);
		context.on('clients', tell);
		context.on('reset', async () => tell(await get('/clients', context.signal)));
		await tokens(section, context.signal);
	},
};
