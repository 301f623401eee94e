// The writer's side of the ring: who has which slot, and that its memory cannot shrink.
#define _GNU_SOURCE // F_GET_SEALS
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "encode/unit_ring.h"
#include "protocol/unit_msg.h"

static void test_slots_change_hands(void **state) {
	struct es_mode mode = {64, 64, 60000};
	struct es_unit_ring *ring = unit_ring_create(&mode);
	assert_non_null(ring);
	uint32_t n = unit_ring_n_slots(ring), slot = 0;
	uint8_t *data, *again;
	assert_int_equal(unit_ring_n_free(ring), n);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(unit_ring_free_slot(ring, &slot, &data));
		assert_true(unit_ring_free_slot(ring, &slot, &again)); // still ours
		assert_ptr_equal(data, again);
		unit_ring_put(ring, slot);
		assert_int_equal(unit_ring_n_free(ring), n - i - 1);
	}
	assert_false(unit_ring_free_slot(ring, &slot, &data));
	assert_false(unit_ring_done(ring, n));
	assert_true(unit_ring_done(ring, 1));
	assert_false(unit_ring_done(ring, 1)); // it does not have it any more
	assert_true(unit_ring_free_slot(ring, &slot, &data));
	assert_int_equal(slot, 1);
	unit_ring_destroy(ring);
	unit_ring_destroy(NULL);
}

static void test_memory_is_sealed_and_shared(void **state) {
	struct es_mode mode = {1920, 1080, 60000};
	struct es_unit_ring *ring = unit_ring_create(&mode);
	assert_non_null(ring);
	size_t size = (size_t)unit_ring_n_slots(ring) * unit_ring_slot_size(ring);
	assert_true(unit_ring_slot_size(ring) >= 1920 * 1080 * 3 / 2);
	int fd = unit_ring_fd(ring);
	assert_true(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK);
	assert_int_equal(ftruncate(fd, 0), -1);
	uint32_t slot;
	uint8_t *data;
	assert_true(unit_ring_free_slot(ring, &slot, &data));
	memset(data, 0x5a, unit_ring_slot_size(ring));
	const uint8_t *reader = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(reader, MAP_FAILED);
	assert_int_equal(reader[(size_t)(slot + 1) * unit_ring_slot_size(ring) - 1], 0x5a);
	munmap((void *)reader, size);
	unit_ring_destroy(ring);
}

static void test_every_size_is_legal_on_the_link(void **state) {
	static const struct es_mode modes[] = {{16, 16, 60000}, {8192, 8192, 60000}, {17, 8191, 1000}};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct es_unit_ring *ring = unit_ring_create(&modes[i]);
		assert_non_null(ring);
		assert_true(unit_ring_slot_size(ring) <= ES_UNIT_MAX_SLOT_SIZE);
		assert_true(unit_ring_n_slots(ring) <= ES_UNIT_MAX_SLOTS);
		unit_ring_destroy(ring);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_slots_change_hands),
			cmocka_unit_test(test_memory_is_sealed_and_shared),
			cmocka_unit_test(test_every_size_is_legal_on_the_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
