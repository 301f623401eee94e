#define _GNU_SOURCE
#include "encode/vulkan_find.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MAX_DEVICES 16
#define MAX_EXTENSIONS 512

struct finder {
	void *library; // owned
	VkInstance instance; // owned
	PFN_vkGetInstanceProcAddr get;
	PFN_vkDestroyInstance destroy;
	PFN_vkEnumeratePhysicalDevices list;
	PFN_vkGetPhysicalDeviceProperties2 properties;
	PFN_vkEnumerateDeviceExtensionProperties extensions;
};

static void finish(struct finder *finder) {
	if (finder->instance != VK_NULL_HANDLE && finder->destroy != NULL) {
		finder->destroy(finder->instance, NULL);
	}
	if (finder->library != NULL) {
		dlclose(finder->library);
	}
}

static bool load(struct finder *finder, char *why, size_t cap) {
	finder->library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	if (finder->library == NULL) {
		snprintf(why, cap, "libvulkan.so.1 cannot be loaded");
		return false;
	}
	finder->get = (PFN_vkGetInstanceProcAddr)dlsym(finder->library, "vkGetInstanceProcAddr");
	PFN_vkCreateInstance create = finder->get == NULL
			? NULL
			: (PFN_vkCreateInstance)finder->get(VK_NULL_HANDLE, "vkCreateInstance");
	VkApplicationInfo app = {
			.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
			.apiVersion = VK_API_VERSION_1_3,
	};
	VkInstanceCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
			.pApplicationInfo = &app,
	};
	if (create == NULL || create(&info, NULL, &finder->instance) != VK_SUCCESS) {
		finder->instance = VK_NULL_HANDLE;
		snprintf(why, cap, "Vulkan 1.3 does not start: no driver for it is installed");
		return false;
	}
	VkInstance instance = finder->instance;
	finder->destroy = (PFN_vkDestroyInstance)finder->get(instance, "vkDestroyInstance");
	finder->list =
			(PFN_vkEnumeratePhysicalDevices)finder->get(instance, "vkEnumeratePhysicalDevices");
	finder->properties = (PFN_vkGetPhysicalDeviceProperties2)finder->get(
			instance, "vkGetPhysicalDeviceProperties2");
	finder->extensions = (PFN_vkEnumerateDeviceExtensionProperties)finder->get(
			instance, "vkEnumerateDeviceExtensionProperties");
	if (finder->list == NULL || finder->properties == NULL || finder->extensions == NULL) {
		snprintf(why, cap, "libvulkan.so.1 is older than Vulkan 1.3");
		return false;
	}
	return true;
}

static void find_extensions(
		const struct finder *finder, VkPhysicalDevice device, bool *drm, bool *foreign_queue) {
	*drm = false;
	*foreign_queue = false;
	uint32_t n = MAX_EXTENSIONS;
	VkExtensionProperties *all = calloc(n, sizeof(*all));
	if (all == NULL || finder->extensions(device, NULL, &n, all) < 0) {
		n = 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		const char *name = all[i].extensionName;
		*drm = *drm || strcmp(name, VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME) == 0;
		*foreign_queue =
				*foreign_queue || strcmp(name, VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME) == 0;
	}
	free(all);
}

static bool is_node(const VkPhysicalDeviceDrmPropertiesEXT *drm, dev_t device) {
	return drm->hasRender && drm->renderMajor == (int64_t)major(device) &&
			drm->renderMinor == (int64_t)minor(device);
}

// Whether it is the one, and what it is.
static bool check_device(const struct finder *finder, VkPhysicalDevice device, const dev_t *node,
		bool software, struct es_vulkan_found *found) {
	bool has_drm;
	find_extensions(finder, device, &has_drm, &found->foreign_queue);
	VkPhysicalDeviceDrmPropertiesEXT drm = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRM_PROPERTIES_EXT,
	};
	VkPhysicalDeviceIDProperties id = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
			.pNext = has_drm ? &drm : NULL,
	};
	VkPhysicalDeviceProperties2 properties = {
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
			.pNext = &id,
	};
	finder->properties(device, &properties);
	memcpy(found->uuid, id.deviceUUID, sizeof(found->uuid));
	snprintf(found->name, sizeof(found->name), "%s", properties.properties.deviceName);
	if (properties.properties.apiVersion < VK_API_VERSION_1_3) {
		return false;
	}
	if (node != NULL) {
		return has_drm && is_node(&drm, *node);
	}
	return (properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) == software;
}

bool vulkan_find(
		const char *node, bool software, struct es_vulkan_found *found, char *why, size_t cap) {
	struct stat st = {0};
	if (node[0] != '\0' && (stat(node, &st) != 0 || !S_ISCHR(st.st_mode))) {
		snprintf(why, cap, "%s is not a render node", node);
		return false;
	}
	struct finder finder = {0};
	VkPhysicalDevice devices[MAX_DEVICES];
	uint32_t n = MAX_DEVICES;
	bool there = false;
	if (!load(&finder, why, cap)) {
		goto out;
	}
	if (finder.list(finder.instance, &n, devices) < 0) {
		n = 0;
	}
	for (uint32_t i = 0; i < n && !there; i++) {
		found->index = i;
		there = check_device(
				&finder, devices[i], node[0] != '\0' ? &st.st_rdev : NULL, software, found);
	}
	if (!there && node[0] != '\0') {
		snprintf(why, cap, "no Vulkan 1.3 driver for %s", node);
	} else if (!there) {
		snprintf(why, cap, "no GPU with a Vulkan 1.3 driver");
	}

out:
	finish(&finder);
	return there;
}
