#include "encode/rights.h"

#include <stddef.h>

#include "encode/device.h"
#include "encode/encoder.h"

// How many threads to start, and where.
static const char *const processor[] = {"/sys/devices/system", "/proc/cpuinfo", "/proc/meminfo",
		"/proc/stat", "/proc/sys/vm", NULL};

// Drivers: libraries and their settings, where a distribution keeps them; what devices there are. Their
// caches are left out: others of the user's programs would run what is written there.
static const char *const system_files[] = {"/usr", "/lib", "/lib64", "/etc", "/opt", "/nix/store",
		"/gnu/store", "/run/opengl-driver", "/run/udev/data", "/sys", "/proc", "/dev/urandom",
		NULL};

static const char *const device_files[] = {"/dev/dri", "/dev/udmabuf", "/dev/dma_heap", "/dev/null",
		"/dev/zero", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools",
		"/dev/nvidia-modeset", "/dev/nvidia-caps", "/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia2",
		"/dev/nvidia3", "/dev/nvidia4", "/dev/nvidia5", "/dev/nvidia6", "/dev/nvidia7", NULL};

const struct es_confinement rights_software = {
		.rights = ES_RIGHT_READ_FILES,
		.readable = processor,
};

const struct es_confinement rights_device = {
		.rights = ES_RIGHT_READ_FILES | ES_RIGHT_DEVICES | ES_RIGHT_LOAD_CODE,
		.readable = system_files,
		.devices = device_files,
};

const struct es_confinement *rights_of(const struct es_encoder_impl *impl) {
	return impl->device->maps ? &rights_software : &rights_device;
}
