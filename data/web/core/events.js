// The host's events: one stream for the whole console, which comes back by itself.

import {call} from './api.js';

const TYPES = ['pairing', 'clients', 'apps', 'session', 'stats', 'log', 'settings', 'capture', 'reset'];
const RETRY_MS = 3000;

export class Events extends EventTarget {
	constructor() {
		super();
		/** @type {EventSource | null} */
		this.source = null;
		this.timer = 0;
		/** False while the host does not answer. */
		this.connected = false;
	}

	open() {
		this.close();
		const source = new EventSource('/api/v1/events');
		this.source = source;
		source.onopen = () => this.become(true);
		source.onerror = () => this.fail(source);
		for (const type of TYPES) {
			source.addEventListener(type, (event) => {
				this.dispatchEvent(new CustomEvent(type, {detail: JSON.parse(event.data)}));
			});
		}
	}

	close() {
		window.clearTimeout(this.timer);
		this.source?.close();
		this.source = null;
	}

	/** A stream that was refused is not tried again by the browser. @param {EventSource} source */
	fail(source) {
		if (source !== this.source) {
			return;
		}
		this.become(false);
		if (source.readyState === EventSource.CLOSED) {
			this.timer = window.setTimeout(() => this.retry(), RETRY_MS);
		}
	}

	/** Is it the login that has ended, or the host? */
	async retry() {
		try {
			await call('GET', '/status'); // 401: the login page comes
			this.open();
		} catch (error) {
			if (/** @type {any} */ (error).status !== 401) {
				this.timer = window.setTimeout(() => this.retry(), RETRY_MS);
			}
		}
	}

	/** @param {boolean} connected */
	become(connected) {
		const again = connected && !this.connected;
		if (connected !== this.connected) {
			this.connected = connected;
			this.dispatchEvent(new CustomEvent('connected', {detail: connected}));
		}
		if (again) {
			this.dispatchEvent(new CustomEvent('reset', {detail: {}}));
		}
	}
}

export const events = new Events();
