#define _GNU_SOURCE
#include "tests/clients/dma_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#define MAX_CARDS 8

static bool complain(const char *what) {
	fprintf(stderr, "paint: %s: %s\n", what, strerror(errno));
	return false;
}

static bool has_driver(int fd, const char *name) {
	drmVersionPtr version = drmGetVersion(fd);
	bool has = version != NULL && strcmp(version->name, name) == 0;
	drmFreeVersion(version);
	return has;
}

int dma_memory_open_driver(const char *name) {
	for (int i = 0; i < MAX_CARDS; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && has_driver(fd, name)) {
			return fd;
		}
		if (fd >= 0) {
			close(fd);
		}
	}
	return -1;
}

// The pages must not go away under whoever reads the DMA-BUF, which the seal promises.
static int create_udmabuf(size_t size) {
	int memory_fd = memfd_create("paint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int device_fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd = -1;
	if (memory_fd < 0 || device_fd < 0) {
		complain("/dev/udmabuf");
	} else if (ftruncate(memory_fd, (off_t)size) < 0 ||
			fcntl(memory_fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
		complain("memory for udmabuf");
	} else {
		struct udmabuf_create create = {
				.memfd = (uint32_t)memory_fd,
				.flags = UDMABUF_FLAGS_CLOEXEC,
				.size = size,
		};
		fd = ioctl(device_fd, UDMABUF_CREATE, &create);
		if (fd < 0) {
			complain("udmabuf");
		}
	}
	if (memory_fd >= 0) {
		close(memory_fd);
	}
	if (device_fd >= 0) {
		close(device_fd);
	}
	return fd;
}

static int create_dumb(int device_fd, uint32_t stride, size_t size) {
	struct drm_mode_create_dumb create = {
			.width = stride / 4,
			.height = (uint32_t)((size + stride - 1) / stride),
			.bpp = 32,
	};
	if (drmIoctl(device_fd, DRM_IOCTL_MODE_CREATE_DUMB, &create) < 0) {
		complain("a dumb buffer");
		return -1;
	}
	int fd = -1;
	if (drmPrimeHandleToFD(device_fd, create.handle, DRM_CLOEXEC | DRM_RDWR, &fd) < 0) {
		complain("sharing a dumb buffer");
		fd = -1;
	}
	drmCloseBufferHandle(device_fd, create.handle);
	return fd;
}

static int create(const char *kind, uint32_t stride, size_t size) {
	if (strcmp(kind, "udmabuf") == 0) {
		return create_udmabuf(size);
	}
	int device_fd = strcmp(kind, "vgem") == 0 ? dma_memory_open_driver("vgem")
											  : open(kind, O_RDWR | O_CLOEXEC);
	if (device_fd < 0) {
		complain(kind);
		return -1;
	}
	int fd = create_dumb(device_fd, stride, size);
	close(device_fd); // the DMA-BUF holds what it needs
	return fd;
}

bool dma_memory_init(struct es_dma_memory *memory, const char *kind, uint32_t stride, size_t size) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	*memory = (struct es_dma_memory){.size = (size + page - 1) / page * page};
	memory->fd = create(kind, stride, memory->size);
	if (memory->fd < 0) {
		return false;
	}
	void *map = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
	struct stat status;
	if (map == MAP_FAILED || fstat(memory->fd, &status) < 0) {
		complain("mapping a DMA-BUF");
		dma_memory_finish(memory);
		return false;
	}
	memory->map = map;
	memory->inode = status.st_ino;
	return true;
}

void dma_memory_finish(struct es_dma_memory *memory) {
	if (memory->map != NULL) {
		munmap(memory->map, memory->size);
	}
	if (memory->fd >= 0) {
		close(memory->fd);
	}
	*memory = (struct es_dma_memory){.fd = -1};
}

static bool sync_cpu(struct es_dma_memory *memory, uint64_t flags) {
	struct dma_buf_sync sync = {.flags = flags | DMA_BUF_SYNC_WRITE};
	return drmIoctl(memory->fd, DMA_BUF_IOCTL_SYNC, &sync) == 0;
}

bool dma_memory_begin(struct es_dma_memory *memory) {
	return sync_cpu(memory, DMA_BUF_SYNC_START);
}

bool dma_memory_end(struct es_dma_memory *memory) {
	return sync_cpu(memory, DMA_BUF_SYNC_END);
}
