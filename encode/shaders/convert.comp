// RGB of a buffer -> planes of 4:2:0, one invocation for each 2x2 block. Chroma lies at the left
// column of its block, between its two rows: columns weigh 1-2-1, rows the same.
#version 450
#extension GL_EXT_samplerless_texture_functions : require

layout(local_size_x = 8, local_size_y = 8) in;

layout(binding = 0) uniform texture2D source;
layout(binding = 1) uniform writeonly uimage2D luma;
layout(binding = 2) uniform writeonly uimage2D chroma;

layout(push_constant) uniform Parameters {
	vec4 y, u, v; // factors of red, green, blue; offset; in codes
	vec4 map; // from pixels of the screen to those of the buffer: factors, offsets
	ivec4 shown; // pixels of the buffer: left, top, right, bottom (the last two inclusive)
	ivec4 dst; // of the screen that shows them: left, top, right, bottom (exclusive)
	ivec2 screen; // size
	int max_code;
	int shift; // where a code lies in its sample
} p;

vec3 texel(ivec2 at) {
	return texelFetch(source, clamp(at, p.shown.xy, p.shown.zw), 0).rgb;
}

vec3 scaled(vec2 at) {
	vec2 whole = floor(at);
	vec2 part = at - whole;
	ivec2 i = ivec2(whole);
	if (part == vec2(0)) {
		return texel(i);
	}
	vec3 above = mix(texel(i), texel(i + ivec2(1, 0)), part.x);
	vec3 below = mix(texel(i + ivec2(0, 1)), texel(i + ivec2(1, 1)), part.x);
	return mix(above, below, part.y);
}

// Of the screen; beyond its edges they repeat.
vec3 pixel(ivec2 at) {
	at = clamp(at, ivec2(0), p.screen - 1);
	if (any(lessThan(at, p.dst.xy)) || any(greaterThanEqual(at, p.dst.zw))) {
		return vec3(0);
	}
	return scaled((vec2(at - p.dst.xy) + 0.5) * p.map.xy + p.map.zw - 0.5);
}

uint code(vec4 factors, vec3 rgb) {
	float v = floor(dot(factors.rgb, rgb) + factors.a + 0.5);
	return uint(clamp(v, 0.0, float(p.max_code))) << p.shift;
}

void main() {
	ivec2 block = ivec2(gl_GlobalInvocationID.xy);
	ivec2 at = block * 2;
	if (any(greaterThanEqual(at, p.screen))) {
		return;
	}
	vec3 sum = vec3(0);
	for (int row = 0; row < 2; row++) {
		vec3 left = pixel(at + ivec2(-1, row));
		vec3 here = pixel(at + ivec2(0, row));
		vec3 right = pixel(at + ivec2(1, row));
		imageStore(luma, at + ivec2(0, row), uvec4(code(p.y, here)));
		imageStore(luma, at + ivec2(1, row), uvec4(code(p.y, right)));
		sum += left + here * 2.0 + right;
	}
	vec3 mean = sum / 8.0;
	imageStore(chroma, block, uvec4(code(p.u, mean), code(p.v, mean), 0, 0));
}
