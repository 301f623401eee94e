// In the audio thread: what the microphone hears, handed out in pieces of 5 ms.

const scope = /** @type {any} */ (globalThis);
const PIECE = 240;

class Tap extends scope.AudioWorkletProcessor {
	constructor() {
		super();
		this.piece = new Float32Array(PIECE);
		this.n = 0;
	}

	/** @param {Float32Array[][]} inputs */
	process(inputs) {
		for (const sample of inputs[0][0] ?? []) {
			this.piece[this.n++] = sample;
			if (this.n === PIECE) {
				this.port.postMessage(this.piece, [this.piece.buffer]);
				this.piece = new Float32Array(PIECE);
				this.n = 0;
			}
		}
		return true;
	}
}

scope.registerProcessor('earthshine-tap', Tap);

export {};
