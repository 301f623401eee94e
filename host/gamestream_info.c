#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/app_image.h"
#include "host/box_art.h"
#include "host/gamestream_routes.h"
#include "host/mac.h"

// What some clients want to find before they ask for it.
static const struct {
	uint16_t width, height;
} sizes[] = {{640, 360}, {1280, 720}, {1280, 800}, {1920, 1080}, {1920, 1200}, {2560, 1440},
		{2560, 1600}, {3440, 1440}, {3840, 2160}};
static const int32_t refreshes_mhz[] = {30000, 60000, 90000, 120000};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define N_REFRESHES (sizeof(refreshes_mhz) / sizeof(refreshes_mhz[0]))

static void list_modes(struct es_mode *modes) {
	for (size_t i = 0; i < N_SIZES * N_REFRESHES; i++) {
		modes[i] = (struct es_mode){
				.width = sizes[i / N_REFRESHES].width,
				.height = sizes[i / N_REFRESHES].height,
				.refresh_mhz = refreshes_mhz[i % N_REFRESHES],
		};
	}
}

void route_serverinfo(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	struct es_mode modes[N_SIZES * N_REFRESHES];
	list_modes(modes);
	char data[16384], mac[ES_MAC_TEXT_SIZE] = "00:00:00:00:00:00"; // which clients ignore
	if (client != NULL) {
		mac_of_address(http_request_local(request), mac);
	}
	const struct es_play *play = client != NULL ? plays_current(gamestream->plays, client) : NULL;
	struct es_serverinfo info = {
			.host_name = gamestream->settings->name,
			.unique_id = gamestream->unique_id,
			.mac = mac,
			.local_ip = http_request_local(request),
			.http_port = gamestream->http_port,
			.https_port = gamestream->https_port,
			.codec_support = plays_codec_support(gamestream->plays),
			.paired = client != NULL,
			.current_game = play != NULL ? play_app_id(play) : 0,
			.modes = modes,
			.n_modes = N_SIZES * N_REFRESHES,
	};
	struct es_xml xml = {.data = data, .cap = sizeof(data)};
	xml.ok = xml_serverinfo(&xml, &info);
	answer_xml(request, &xml);
}

static size_t applist_size(const struct es_settings *settings) {
	size_t size = 256;
	for (size_t i = 0; i < settings->n_apps; i++) {
		size += 160 + 6 * strlen(settings->apps[i].title); // escaped: &quot;
	}
	return size;
}

void route_applist(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	const struct es_settings *settings = gamestream->settings;
	struct es_xml xml = {.cap = applist_size(settings)};
	struct es_applist_entry *entries = calloc(settings->n_apps + 1, sizeof(*entries));
	xml.data = malloc(xml.cap);
	if (entries != NULL && xml.data != NULL) {
		for (size_t i = 0; i < settings->n_apps; i++) {
			entries[i].id = settings->apps[i].id;
			entries[i].title = settings->apps[i].title;
		}
		xml.ok = xml_applist(&xml, entries, settings->n_apps);
	}
	answer_xml(request, &xml);
	free(xml.data);
	free(entries);
}

// The path comes from the operator; the request only chooses the app.
void route_appasset(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	const char *text = query_get(http_request_query(request), "appid");
	char *end = NULL;
	unsigned long id =
			text != NULL && text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
	const struct es_app *app = NULL;
	if (end != NULL && *end == '\0' && id <= INT32_MAX) {
		app = settings_find_app(gamestream->settings, (uint32_t)id);
	}
	size_t size = 0;
	const char *type = NULL;
	void *image =
			app != NULL && app->image != NULL ? app_image_read(app->image, &size, &type) : NULL;
	if (app != NULL && app->image != NULL && image == NULL) {
		es_log(ES_LOG_DEBUG, "app '%s': image '%s' is not a PNG or JPEG that can be read",
				app->title, app->image);
	}
	if (image != NULL) {
		http_answer(request, 200, type, image, size, false);
		free(image);
	} else {
		http_answer(request, 200, "image/png", box_art_png, box_art_png_size, true);
	}
}
