// What works on the host, what does not, and what helps.

import {get} from '../core/api.js';
import {button, fill, h} from '../core/dom.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */

/** @param {any} finding */
const item = (finding, /** @type {boolean} */ works) => h('li', {class: 'card finding'},
	h('h3', {}, finding.name, ' ', h('span', {class: finding.ok ? 'state good' : works ? 'state warn' : 'state error'}, finding.state || (finding.ok ? t.doctor.works : t.doctor.fails))),
	finding.detail ? h('p', {class: 'wrap'}, finding.detail) : null,
	finding.remedy ? h('p', {class: 'remedy wrap'}, h('strong', {}, t.doctor.remedy, ': '), finding.remedy) : null);

/** @type {Page} */
export const page = {
	title: t.pages.doctor,
	async show(main, context) {
		const result = h('div', {'aria-live': 'polite'});
		const run = async () => {
			fill(result, h('p', {class: 'muted'}, t.doctor.running));
			try {
				const report = await get('/doctor', context.signal);
				const sorted = [...report.items].sort((a, b) => Number(a.ok) - Number(b.ok));
				fill(result, h('p', {class: report.ok ? 'good' : 'error'}, report.ok ? t.doctor.good : t.doctor.bad),
					h('ul', {class: 'list plain'}, ...sorted.map((finding) => item(finding, report.ok))));
			} catch (error) {
				if (!context.signal.aborted) {
					fill(result, h('p', {class: 'error', role: 'alert'}, /** @type {Error} */ (error).message));
				}
			}
		};
		const again = button(t.doctor.run, run);
		fill(main, h('div', {class: 'actions top'}, again), result);
		again.click();
	},
};
