// The cursor over a part of the converted picture, into a patch of that part's size; one invocation
// for each 2x2 block. The samples are mixed as they are; chroma is weighed as in convert.comp.
#version 450
#extension GL_EXT_samplerless_texture_functions : require

layout(local_size_x = 8, local_size_y = 8) in;

layout(binding = 0) uniform utexture2D luma;
layout(binding = 1) uniform utexture2D chroma;
layout(binding = 2) uniform writeonly uimage2D patch_luma;
layout(binding = 3) uniform writeonly uimage2D patch_chroma;
layout(binding = 4, std430) readonly buffer Cursor {
	uint argb[]; // premultiplied
} cursor;

layout(push_constant) uniform Parameters {
	vec4 y, u, v; // factors of red, green, blue; offset; in codes
	ivec2 origin; // of the patch in the picture, even
	ivec2 size; // of the patch, even
	ivec2 place; // of the cursor in the picture
	ivec2 cursor_size;
	ivec2 screen;
	int max_code;
	int shift;
	int pq; // the picture is BT.2020 with PQ, the cursor is sRGB
} p;

// Of white that is not made for HDR, as a part of what PQ can say.
const float WHITE = 203.0 / 10000.0;

vec3 linear(vec3 srgb) {
	return mix(pow((srgb + 0.055) / 1.055, vec3(2.4)), srgb / 12.92, lessThanEqual(srgb, vec3(0.04045)));
}

vec3 bt2020(vec3 bt709) {
	return vec3(dot(bt709, vec3(0.6274039, 0.3292830, 0.0433131)),
			dot(bt709, vec3(0.0690973, 0.9195404, 0.0113623)),
			dot(bt709, vec3(0.0163914, 0.0880133, 0.8955953)));
}

vec3 pq(vec3 light) {
	vec3 m = pow(max(light, vec3(0)), vec3(0.1593017578125));
	return pow((0.8359375 + 18.8515625 * m) / (1.0 + 18.6875 * m), vec3(78.84375));
}

vec4 pixel(ivec2 at) {
	at = clamp(at, ivec2(0), p.screen - 1) - p.place;
	if (any(lessThan(at, ivec2(0))) || any(greaterThanEqual(at, p.cursor_size))) {
		return vec4(0);
	}
	uint v = cursor.argb[at.y * p.cursor_size.x + at.x];
	vec4 c = vec4(v >> 16 & 255u, v >> 8 & 255u, v & 255u, v >> 24) / 255.0;
	if (p.pq != 0 && c.a > 0.0) {
		c.rgb = pq(bt2020(linear(min(c.rgb / c.a, vec3(1)))) * WHITE) * c.a;
	}
	return c;
}

uint mixed(uint below, vec4 factors, vec4 over) {
	float v = float(below >> p.shift) * (1.0 - over.a) + dot(factors.rgb, over.rgb) +
			factors.a * over.a;
	return uint(clamp(floor(v + 0.5), 0.0, float(p.max_code))) << p.shift;
}

void main() {
	ivec2 block = ivec2(gl_GlobalInvocationID.xy);
	if (any(greaterThanEqual(block * 2, p.size))) {
		return;
	}
	ivec2 at = p.origin + block * 2;
	vec4 sum = vec4(0);
	for (int row = 0; row < 2; row++) {
		vec4 here = pixel(at + ivec2(0, row));
		vec4 right = pixel(at + ivec2(1, row));
		for (int column = 0; column < 2; column++) {
			ivec2 d = ivec2(column, row);
			uint below = texelFetch(luma, at + d, 0).r;
			imageStore(patch_luma, block * 2 + d, uvec4(mixed(below, p.y, column == 0 ? here : right)));
		}
		sum += pixel(at + ivec2(-1, row)) + here * 2.0 + right;
	}
	vec4 mean = sum / 8.0;
	uvec4 below = texelFetch(chroma, at / 2, 0);
	imageStore(patch_chroma, block, uvec4(mixed(below.r, p.u, mean), mixed(below.g, p.v, mean), 0, 0));
}
