// Gamepads as games see them: through SDL, with nothing set that a game would not set. Writes a line of
// JSON for each that comes or goes, and for all that is done with it, until it is ended.
//   pads_sdl FILE
// Both triggers pulled make it rumble, BACK lights it up.
#include <SDL3/SDL.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define STRONG 0x8000
#define WEAK 0x4000
#define RUMBLE_MS 400

static const char *text(const char *s) {
	return s != NULL ? s : "";
}

static void say_buttons(FILE *out, SDL_Gamepad *pad) {
	const char *comma = "";
	fprintf(out, ",\"buttons\":[");
	for (int i = 0; i < SDL_GAMEPAD_BUTTON_COUNT; i++) {
		if (SDL_GamepadHasButton(pad, (SDL_GamepadButton)i)) {
			fprintf(out, "%s\"%s\"", comma, SDL_GetGamepadStringForButton((SDL_GamepadButton)i));
			comma = ",";
		}
	}
	comma = "";
	fprintf(out, "],\"axes\":[");
	for (int i = 0; i < SDL_GAMEPAD_AXIS_COUNT; i++) {
		if (SDL_GamepadHasAxis(pad, (SDL_GamepadAxis)i)) {
			fprintf(out, "%s\"%s\"", comma, SDL_GetGamepadStringForAxis((SDL_GamepadAxis)i));
			comma = ",";
		}
	}
	fputc(']', out);
}

static bool start_sensor(SDL_Gamepad *pad, SDL_SensorType type) {
	return SDL_GamepadHasSensor(pad, type) && SDL_SetGamepadSensorEnabled(pad, type, true);
}

static void add(FILE *out, SDL_JoystickID id) {
	SDL_Gamepad *pad = SDL_OpenGamepad(id);
	if (pad == NULL) {
		fprintf(out, "{\"failed\":%u,\"why\":\"%s\"}\n", id, SDL_GetError());
		return;
	}
	char *mapping = SDL_GetGamepadMapping(pad);
	bool accelerometer = start_sensor(pad, SDL_SENSOR_ACCEL);
	bool gyroscope = start_sensor(pad, SDL_SENSOR_GYRO);
	fprintf(out,
			"{\"added\":%u,\"name\":\"%s\",\"type\":\"%s\",\"vendor\":%u,\"product\":%u,"
			"\"path\":\"%s\",\"mapping\":\"%s\",\"touchpads\":%d,\"accelerometer\":%s,"
			"\"gyroscope\":%s",
			id, text(SDL_GetGamepadName(pad)),
			text(SDL_GetGamepadStringForType(SDL_GetGamepadType(pad))), SDL_GetGamepadVendor(pad),
			SDL_GetGamepadProduct(pad), text(SDL_GetGamepadPath(pad)), text(mapping),
			SDL_GetNumGamepadTouchpads(pad), accelerometer ? "true" : "false",
			gyroscope ? "true" : "false");
	say_buttons(out, pad);
	fprintf(out, "}\n");
	SDL_free(mapping);
}

static void press(FILE *out, const SDL_GamepadButtonEvent *event) {
	SDL_Gamepad *pad = SDL_GetGamepadFromID(event->which);
	fprintf(out, "{\"pad\":%u,\"button\":\"%s\",\"down\":%s}\n", event->which,
			text(SDL_GetGamepadStringForButton((SDL_GamepadButton)event->button)),
			event->down ? "true" : "false");
	if (event->down && event->button == SDL_GAMEPAD_BUTTON_BACK) {
		fprintf(out, "{\"shines\":%s}\n", SDL_SetGamepadLED(pad, 200, 10, 20) ? "true" : "false");
	}
}

static void move(FILE *out, const SDL_GamepadAxisEvent *event) {
	SDL_Gamepad *pad = SDL_GetGamepadFromID(event->which);
	fprintf(out, "{\"pad\":%u,\"axis\":\"%s\",\"at\":%d}\n", event->which,
			text(SDL_GetGamepadStringForAxis((SDL_GamepadAxis)event->axis)), event->value);
	if (SDL_GetGamepadAxis(pad, SDL_GAMEPAD_AXIS_LEFT_TRIGGER) == SDL_JOYSTICK_AXIS_MAX &&
			SDL_GetGamepadAxis(pad, SDL_GAMEPAD_AXIS_RIGHT_TRIGGER) == SDL_JOYSTICK_AXIS_MAX) {
		fprintf(out, "{\"rumbles\":%s}\n",
				SDL_RumbleGamepad(pad, STRONG, WEAK, RUMBLE_MS) ? "true" : "false");
	}
}

static void touch(FILE *out, const SDL_GamepadTouchpadEvent *event) {
	fprintf(out, "{\"pad\":%u,\"finger\":%d,\"down\":%s,\"x\":%.4f,\"y\":%.4f}\n", event->which,
			event->finger, event->type == SDL_EVENT_GAMEPAD_TOUCHPAD_UP ? "false" : "true",
			event->x, event->y);
}

static void take(FILE *out, const SDL_Event *event) {
	switch (event->type) {
	case SDL_EVENT_GAMEPAD_ADDED:
		add(out, event->gdevice.which);
		return;
	case SDL_EVENT_GAMEPAD_REMOVED:
		fprintf(out, "{\"removed\":%u}\n", event->gdevice.which);
		SDL_CloseGamepad(SDL_GetGamepadFromID(event->gdevice.which));
		return;
	case SDL_EVENT_GAMEPAD_BUTTON_DOWN:
	case SDL_EVENT_GAMEPAD_BUTTON_UP:
		press(out, &event->gbutton);
		return;
	case SDL_EVENT_GAMEPAD_AXIS_MOTION:
		move(out, &event->gaxis);
		return;
	case SDL_EVENT_GAMEPAD_TOUCHPAD_DOWN:
	case SDL_EVENT_GAMEPAD_TOUCHPAD_MOTION:
	case SDL_EVENT_GAMEPAD_TOUCHPAD_UP:
		touch(out, &event->gtouchpad);
		return;
	case SDL_EVENT_GAMEPAD_SENSOR_UPDATE:
		fprintf(out, "{\"pad\":%u,\"sensor\":%d,\"at\":[%.4f,%.4f,%.4f]}\n", event->gsensor.which,
				event->gsensor.sensor, event->gsensor.data[0], event->gsensor.data[1],
				event->gsensor.data[2]);
		return;
	default:
		return;
	}
}

int main(int argc, char **argv) {
	FILE *out = argc == 2 ? fopen(argv[1], "a") : NULL;
	if (out == NULL || !SDL_Init(SDL_INIT_GAMEPAD)) {
		fprintf(stderr, "pads_sdl: %s\n", out == NULL ? "where to?" : SDL_GetError());
		return 1;
	}
	SDL_Event event;
	while (SDL_WaitEvent(&event) && event.type != SDL_EVENT_QUIT) {
		take(out, &event);
		fflush(out);
	}
	SDL_Quit();
	fclose(out);
	return 0;
}
