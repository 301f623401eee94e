// The way of a picture, in its order.

export const STAGES = /** @type {const} */ (['wait', 'compose', 'queue', 'convert', 'encode', 'packetize', 'send']);
