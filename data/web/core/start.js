// An app, started to be played here.

import {call} from './api.js';
import {toast} from './dialogs.js';
import {go} from './router.js';
import {t} from '../en.js';

const MIN_SIZE = 64;
const MAX_SIZE = 8192;

/** @param {{id: number, title: string}} app */
export async function startApp(app) {
	const fit = (/** @type {number} */ length) =>
		Math.max(MIN_SIZE, Math.min(MAX_SIZE, Math.round(length * window.devicePixelRatio / 2) * 2));
	toast(t.apps.starting(app.title));
	const session = await call('POST', '/sessions', {
		app: app.id, width: fit(window.innerWidth), height: fit(window.innerHeight), codec: 'h264', clipboard: true,
	});
	go(`#/play/${session.id}`);
}
