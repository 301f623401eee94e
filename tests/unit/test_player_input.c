// What a page's user does, as it comes out on the device link.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/link.h"
#include "stream/player_input.h"

// The next that the display hears; type 0: nothing.
static struct es_device_msg hear(int fd) {
	static struct es_link_packet packet;
	struct es_device_msg msg = {0};
	if (link_recv(fd, &packet) == ES_LINK_OK) {
		assert_true(device_msg_decode(&msg, packet.data, packet.size, packet.n_fds));
	}
	return msg;
}

static struct es_device_msg state_of(uint8_t pad, uint32_t buttons) {
	return (struct es_device_msg){
			.type = ES_DEVICE_PAD_STATE,
			.pad_state = {.pad = pad, .buttons = buttons, .left_trigger = 255, .lx = -32768},
	};
}

static const struct es_device_msg arrival = {
		.type = ES_DEVICE_PAD_ARRIVAL, .pad_arrival = {.pad = 3, .type = ES_PAD_TYPE_XBOX}};

static void test_pads(void **state) {
	static struct es_player_input input;
	int fds[2];
	assert_true(link_pair(fds));
	player_input_init(&input);
	player_input_attach(&input, fds[0]);
	struct es_device_msg pressed = state_of(3, ES_PAD_A);
	player_input_put(&input, &pressed); // of one that is not there
	assert_int_equal(hear(fds[1]).type, 0);
	player_input_put(&input, &arrival);
	player_input_put(&input, &pressed);
	struct es_device_msg got = hear(fds[1]);
	assert_int_equal(got.type, ES_DEVICE_PAD_ARRIVAL);
	assert_int_equal(got.pad_arrival.pad, 3);
	assert_int_equal(got.pad_arrival.type, ES_PAD_TYPE_XBOX);
	got = hear(fds[1]);
	assert_int_equal(got.type, ES_DEVICE_PAD_STATE);
	assert_int_equal(got.pad_state.buttons, ES_PAD_A);
	assert_int_equal(got.pad_state.left_trigger, 255);
	assert_int_equal(got.pad_state.lx, -32768);
	// all is released with the page's focus: the pad is told again when it is used
	player_input_release_all(&input);
	player_input_put(&input, &pressed);
	assert_int_equal(hear(fds[1]).type, ES_DEVICE_RELEASE_ALL);
	assert_int_equal(hear(fds[1]).type, ES_DEVICE_PAD_ARRIVAL);
	assert_int_equal(hear(fds[1]).type, ES_DEVICE_PAD_STATE);
	struct es_device_msg removal = {.type = ES_DEVICE_PAD_REMOVAL, .pad_removal = {3}};
	player_input_put(&input, &removal);
	assert_int_equal(hear(fds[1]).type, ES_DEVICE_PAD_REMOVAL);
	player_input_put(&input, &pressed);
	assert_int_equal(hear(fds[1]).type, 0);
	player_input_finish(&input);
	fd_close(&fds[1]);
}

// Another display knows nothing of what the one before was told.
static void test_another_display(void **state) {
	static struct es_player_input input;
	int fds[2], others[2];
	assert_true(link_pair(fds) && link_pair(others));
	player_input_init(&input);
	player_input_attach(&input, fds[0]);
	player_input_put(&input, &arrival);
	player_input_attach(&input, others[0]);
	struct es_device_msg pressed = state_of(3, ES_PAD_A);
	player_input_put(&input, &pressed);
	assert_int_equal(hear(others[1]).type, ES_DEVICE_PAD_ARRIVAL);
	assert_int_equal(hear(others[1]).type, ES_DEVICE_PAD_STATE);
	player_input_finish(&input);
	assert_int_equal(hear(others[1]).type, ES_DEVICE_RELEASE_ALL);
	fd_close(&fds[1]);
	fd_close(&others[1]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_pads),
			cmocka_unit_test(test_another_display),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
