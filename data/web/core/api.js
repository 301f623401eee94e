// What the host is asked. Answers are JSON objects; whatever goes wrong is an ApiError with a sentence for
// the user.

import {t} from '../en.js';

export class ApiError extends Error {
	/** @param {number} status 0: no answer @param {string} message @param {any} body */
	constructor(status, message, body = {}) {
		super(message);
		this.status = status;
		this.body = body;
	}
}

/**
 * Set by the page's frame: `login` is called when the host does not know us any more, `password` asks the
 * user for it (null: they would rather not), `wrong` says why the last one did not do.
 * @type {{login: () => void, password: (wrong: string) => Promise<string | null>, pending: (count: number) => void}}
 */
export const hooks = {login: () => {}, password: async () => null, pending: () => {}};

let pending = 0;

/**
 * @param {string} method @param {string} path below /api/v1
 * @param {object | Blob | null} [body]
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<Response>}
 */
async function ask(method, path, body = null, options = {}) {
	/** @type {RequestInit} */
	const request = {method, signal: options.signal, cache: 'no-store'};
	if (body instanceof Blob) {
		request.body = body;
		request.headers = {'Content-Type': body.type};
	} else if (body !== null) {
		request.body = JSON.stringify(body);
		request.headers = {'Content-Type': 'application/json'};
	}
	hooks.pending(++pending);
	try {
		return await fetch(`/api/v1${path}`, request);
	} catch (error) {
		if (options.signal?.aborted) {
			throw error;
		}
		throw new ApiError(0, t.errors.noAnswer);
	} finally {
		hooks.pending(--pending);
	}
}

/** @param {Response} answer @returns {Promise<any>} */
async function read(answer) {
	let body = {};
	try {
		body = await answer.json();
	} catch {
		// not from the API: a proxy, or no body
	}
	if (!answer.ok) {
		const told = /** @type {any} */ (body).error;
		throw new ApiError(answer.status, told ? sentence(told) : t.errors.status(answer.status), body);
	}
	return body;
}

/** @param {string} text */
function sentence(text) {
	return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/** Asks for the password until it is right or the user gives up. */
async function confirm() {
	for (let wrong = ''; ;) {
		const password = await hooks.password(wrong);
		if (password === null) {
			throw new ApiError(403, t.errors.notConfirmed);
		}
		try {
			await read(await ask('POST', '/confirm', {password}));
			return;
		} catch (error) {
			if (!(error instanceof ApiError) || error.status === 0) {
				throw error;
			}
			wrong = error.message;
		}
	}
}

/**
 * @param {string} method @param {string} path @param {object | Blob | null} [body]
 * @param {{signal?: AbortSignal, quiet?: boolean}} [options] quiet: a login that is over is an error like another
 * @returns {Promise<any>}
 */
export async function call(method, path, body = null, options = {}) {
	for (;;) {
		try {
			return await read(await ask(method, path, body, options));
		} catch (error) {
			if (!(error instanceof ApiError)) {
				throw error;
			}
			if (error.status === 401 && !options.quiet) {
				hooks.login();
			}
			if (error.status !== 403 || !error.body.confirm) {
				throw error;
			}
			await confirm();
		}
	}
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => call('GET', path, null, {signal});

/** What the route gives as it is, for a download. @param {string} path @returns {Promise<Blob>} */
export async function getBlob(path) {
	const answer = await ask('GET', path);
	if (!answer.ok) {
		await read(answer);
	}
	return answer.blob();
}
