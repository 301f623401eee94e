// Chromium, driven by lines: each is {"on": "page", "call": "click", "args": [...]}; the answer is
// {"value": ...} or {"error": "..."}. What the page says on its console, and what it may not do, is kept.
//
//   node browser.mjs CHROMIUM [WIDTH HEIGHT SCHEME TIMEOUT]

import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

const {chromium} = createRequire('/usr/share/nodejs/')('playwright-core');
const microphone = process.env.FAKE_MICROPHONE ? ['--use-fake-device-for-media-stream',
	`--use-file-for-fake-audio-capture=${process.env.FAKE_MICROPHONE}`] : [];
const [executablePath, width = '1280', height = '800', scheme = 'light', timeout = '20000'] = process.argv.slice(2);
const browser = await chromium.launch({
	executablePath, headless: false, // the old headless mode, which this playwright asks for, is gone
	args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--disable-background-networking',
		'--disable-component-update', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required',
		'--enable-unsafe-swiftshader', ...microphone],
});
const context = await browser.newContext({
	ignoreHTTPSErrors: true, viewport: {width: +width, height: +height}, colorScheme: scheme, acceptDownloads: true,
});
context.setDefaultTimeout(+timeout);
const messages = [];
const own = {};
let page;

function turn(to) {
	page = to;
	Object.assign(targets, {page, keyboard: page.keyboard, mouse: page.mouse});
}

const sent = []; // to a session's player, in hex

function watch(page) {
	page.on('websocket', (socket) => socket.on('framesent', ({payload}) => sent.push(Buffer.from(payload).toString('hex'))));
	page.on('console', (message) => messages.push(`${message.type()}: ${message.text()}`));
	page.on('response', (answer) => answer.status() >= 400 && messages.push(`${answer.status()} ${answer.url()}`));
	page.on('pageerror', (error) => messages.push(`pageerror: ${error.message}`));
	page.on('requestfailed', (request) => messages.push(`requestfailed: ${request.url()} ${request.failure()?.errorText}`));
}

Object.assign(own, {
	turn(number) { // to that page of the browser
		turn(context.pages()[number]);
	},
	messages: () => messages,
	sent: (start) => sent.filter((frame) => frame.startsWith(start)),
	async download(selector, path) { // what a click on it brings
		const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
		await download.saveAs(path);
		return download.suggestedFilename();
	},
	async frame(selector) { // where it stands in the page
		return page.locator(selector).boundingBox();
	},
	async count(selector) {
		return page.locator(selector).count();
	},
	async until(expression, timeout) { // page.waitForFunction would need eval, which our pages do not allow
		for (const end = Date.now() + timeout; !(await page.evaluate(expression));) {
			if (Date.now() > end) {
				throw new Error(`still not after ${timeout} ms: ${expression}`);
			}
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	},
	async askPassword(url) { // once, as the host would if the login were older
		const body = JSON.stringify({error: 'give the password again', confirm: true});
		await page.route(url, (route) => route.fulfill({status: 403, contentType: 'application/json', body}), {times: 1});
	},
	async deny(name) { // as a user does who is asked
		const session = await context.newCDPSession(page);
		const {targetInfo} = await session.send('Target.getTargetInfo');
		await session.send('Browser.setPermission', {
			permission: {name}, setting: 'denied', browserContextId: targetInfo.browserContextId,
		});
	},
	async upload(selector, path) {
		await page.setInputFiles(selector, path);
	},
});
const targets = {context, own};
context.on('page', watch);
turn(await context.newPage());

console.log(JSON.stringify({value: browser.version()}));
for await (const line of createInterface({input: process.stdin})) {
	const {on, call, args = []} = JSON.parse(line);
	let answer;
	try {
		const value = await targets[on][call](...args);
		const plain = typeof value !== 'object' || Array.isArray(value) || value?.constructor === Object;
		answer = JSON.stringify({value: plain ? value ?? null : null}); // no handles
	} catch (error) {
		answer = JSON.stringify({error: `${on}.${call}: ${error.message}`});
	}
	console.log(answer);
}
await browser.close();
