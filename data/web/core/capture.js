// The switch of the statistics recorder: one for all sessions.

import {ApiError, call, get} from './api.js';
import {toast} from './dialogs.js';
import {button, fill, h} from './dom.js';
import {t} from '../en.js';

/** @param {import('./router.js').Context} context */
export function captureControl(context) {
	const place = h('span', {class: 'capture actions'});
	const tell = (/** @type {any} */ state) => {
		fill(place, state.armed
			? button(t.capture.stop, async () => {
				tell(await call('DELETE', '/capture').then((answer) => ({...answer, armed: false})));
				toast(t.capture.stopped);
			}, {class: 'recording'})
			: button(t.capture.start, async () => {
				tell(await call('POST', '/capture', {}).then((answer) => ({...answer, armed: true})));
				toast(t.capture.started);
			}), state.problem ? h('span', {class: 'error'}, state.problem) : null);
	};
	const ask = async () => {
		try {
			tell(await get('/capture', context.signal));
		} catch (error) {
			if (!(error instanceof ApiError) || error.status !== 404) {
				throw error;
			}
			fill(place); // a host without a recorder
		}
	};
	ask().catch(() => {});
	context.on('capture', tell);
	context.on('reset', () => ask().catch(() => {}));
	return place;
}
