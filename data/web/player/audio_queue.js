// In the audio thread: what was decoded, played as it comes. A queue that has run dry fills up a little before it
// plays again; one that has grown too long, because the clocks of both ends part or the page stood still, is
// cut back to that.

const scope = /** @type {any} */ (globalThis);
const START = 0.03 * scope.sampleRate;
const MOST = 0.12 * scope.sampleRate;

class Queue extends scope.AudioWorkletProcessor {
	constructor() {
		super();
		/** @type {Float32Array[][]} */
		this.blocks = [];
		this.at = 0; // in the first block
		this.length = 0;
		this.filling = true;
		this.rounds = 0;
		this.port.onmessage = (/** @type {MessageEvent} */ event) => this.put(event.data);
	}

	/** @param {Float32Array[]} planes */
	put(planes) {
		this.blocks.push(planes);
		this.length += planes[0].length;
		if (this.length > MOST) {
			this.skip(this.length - START);
		}
		this.filling = this.filling && this.length < START;
	}

	/** @param {number} n */
	skip(n) {
		while (n > 0 && this.blocks.length > 0) {
			const left = this.blocks[0][0].length - this.at;
			const part = Math.min(left, Math.ceil(n));
			this.advance(part);
			n -= part;
		}
	}

	/** @param {number} n within the first block */
	advance(n) {
		this.at += n;
		this.length -= n;
		if (this.at === this.blocks[0][0].length) {
			this.blocks.shift();
			this.at = 0;
		}
	}

	/** @param {Float32Array[][]} inputs @param {Float32Array[][]} outputs */
	process(inputs, outputs) {
		const output = outputs[0];
		const size = output[0].length;
		for (let done = 0; !this.filling && done < size && this.blocks.length > 0;) {
			const block = this.blocks[0];
			const part = Math.min(size - done, block[0].length - this.at);
			for (let channel = 0; channel < output.length; channel++) {
				const plane = block[Math.min(channel, block.length - 1)];
				output[channel].set(plane.subarray(this.at, this.at + part), done);
			}
			this.advance(part);
			done += part;
		}
		this.filling = this.filling || this.length === 0;
		if (++this.rounds % 64 === 0) {
			this.port.postMessage(this.length);
		}
		return true;
	}
}

scope.registerProcessor('earthshine-queue', Queue);

export {};
