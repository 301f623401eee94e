// Sound: Opus packets decoded, and played from a short queue.

const RATE = 48000;

export class Audio {
	constructor() {
		/** @type {AudioContext | null} */
		this.context = null;
		/** @type {AudioWorkletNode | null} */
		this.node = null;
		/** @type {AudioDecoder | null} */
		this.decoder = null;
		this.queuedMs = 0;
		this.timestamp = 0;
		this.failures = 0;
		this.closed = false;
	}

	/** @param {number} channels */
	async start(channels) {
		if (this.context || this.closed || typeof AudioDecoder === 'undefined') {
			return;
		}
		const context = new AudioContext({sampleRate: RATE, latencyHint: 'interactive'});
		this.context = context;
		await context.audioWorklet.addModule(new URL('audio_queue.js', import.meta.url));
		if (this.closed) {
			return;
		}
		this.node = new AudioWorkletNode(context, 'earthshine-queue', {
			numberOfInputs: 0, outputChannelCount: [channels],
		});
		this.node.port.onmessage = (event) => {
			this.queuedMs = event.data * 1000 / RATE;
		};
		this.node.connect(context.destination);
		this.open(channels);
	}

	/** @param {number} channels */
	open(channels) {
		this.decoder = new AudioDecoder({
			output: (data) => this.output(data),
			error: () => {
				if (!this.closed && ++this.failures < 10) {
					this.open(channels);
				}
			},
		});
		this.decoder.configure({codec: 'opus', sampleRate: RATE, numberOfChannels: channels});
	}

	/** Browsers let a page sound only after its user has done something. */
	resume() {
		if (this.context?.state === 'suspended') {
			this.context.resume().catch(() => {});
		}
	}

	/** @param {import('./messages.js').Sound} sound */
	put(sound) {
		if (this.decoder?.state === 'configured' && this.context?.state === 'running') {
			this.decoder.decode(new EncodedAudioChunk({
				type: 'key', timestamp: this.timestamp, data: sound.data,
			}));
			this.timestamp += 10000;
		}
	}

	/** @param {AudioData} data */
	output(data) {
		const planes = [];
		for (let channel = 0; channel < data.numberOfChannels; channel++) {
			const plane = new Float32Array(data.numberOfFrames);
			data.copyTo(plane, {planeIndex: channel, format: 'f32-planar'});
			planes.push(plane);
		}
		data.close();
		this.node?.port.postMessage(planes, planes.map((plane) => plane.buffer));
	}

	close() {
		this.closed = true;
		if (this.decoder && this.decoder.state !== 'closed') {
			this.decoder.close();
		}
		this.context?.close().catch(() => {});
	}
}
