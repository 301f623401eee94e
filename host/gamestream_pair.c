#include <stdlib.h>
#include <string.h>

#include "host/gamestream_routes.h"

// A request of phase 1.
struct wait {
	struct es_pairing_desk *desk;
	struct es_http_request *request;
	bool answered, held;
};

static void answer_reply(struct es_http_request *request, const struct es_pairing_reply *reply) {
	char data[ES_PAIRING_VALUE_MAX + 512];
	struct es_xml xml = {.data = data, .cap = sizeof(data)};
	if (reply->status != 200) {
		answer_error(request, reply->status, reply->message, "paired");
		return;
	}
	xml.ok = xml_paired(&xml, reply->paired, reply->name, reply->value);
	answer_xml(request, &xml);
}

static void on_answer(void *data, const struct es_pairing_reply *reply) {
	struct wait *wait = data;
	answer_reply(wait->request, reply);
	wait->answered = true;
	if (wait->held) {
		free(wait);
	}
}

static void on_gone(void *data) {
	struct wait *wait = data;
	pairing_desk_hung_up(wait->desk, wait);
	free(wait);
}

// The host shows the PIN's place; the client waits for as long as that takes.
static void begin(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_pairing_asker *asker) {
	const struct es_query *query = http_request_query(request);
	const char *salt = query_get(query, "salt"), *cert = query_get(query, "clientcert");
	if (salt == NULL || cert == NULL) {
		answer_error(request, 400, salt == NULL ? "Missing salt" : "Missing clientcert", "paired");
		return;
	}
	struct wait *wait = calloc(1, sizeof(*wait));
	if (wait == NULL) {
		answer_error(request, 503, "Out of memory", "paired");
		return;
	}
	wait->desk = gamestream->desk;
	wait->request = request;
	pairing_desk_begin(gamestream->desk, asker, salt, cert, on_answer, wait);
	if (wait->answered) {
		free(wait);
		return;
	}
	wait->held = true;
	http_hold(request, on_gone, wait);
}

static bool read_asker(struct es_pairing_asker *asker, const struct es_http_request *request) {
	const struct es_query *query = http_request_query(request);
	*asker = (struct es_pairing_asker){
			.unique_id = query_unique_id(query),
			.address = http_request_peer(request),
			.name = query_get(query, "devicename"),
	};
	return asker->unique_id != NULL;
}

void route_pair(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	static const struct {
		const char *name;
		enum es_pairing_phase phase;
	} phases[] = {
			{"clientchallenge", ES_PAIRING_CHALLENGE},
			{"serverchallengeresp", ES_PAIRING_RESPONSE},
			{"clientpairingsecret", ES_PAIRING_SECRET},
	};
	const struct es_query *query = http_request_query(request);
	struct es_pairing_asker asker;
	if (!read_asker(&asker, request)) {
		answer_error(request, 400, "Missing uniqueid parameter", "paired");
		return;
	}
	const char *phrase = query_get(query, "phrase");
	if (phrase != NULL && strcmp(phrase, "getservercert") == 0) {
		begin(gamestream, request, &asker);
		return;
	}
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		const char *hex = query_get(query, phases[i].name);
		if (hex != NULL) {
			struct es_pairing_reply reply;
			pairing_desk_continue(gamestream->desk, &asker, phases[i].phase, hex, &reply);
			answer_reply(request, &reply);
			return;
		}
	}
	answer_error(request, 404, "Invalid pairing request", "paired");
}

void route_pair_challenge(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	const char *phrase = query_get(http_request_query(request), "phrase");
	if (phrase == NULL || strcmp(phrase, "pairchallenge") != 0) {
		answer_error(request, 404, "Invalid pairing request", "paired");
		return;
	}
	char data[512];
	struct es_xml xml = {.data = data, .cap = sizeof(data)};
	xml.ok = xml_paired(&xml, true, NULL, NULL);
	answer_xml(request, &xml);
}

// Anybody can ask for this: it ends a pairing that is under way at this address, and nothing else.
void route_unpair(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	struct es_pairing_asker asker;
	if (read_asker(&asker, request)) {
		pairing_desk_give_up(gamestream->desk, &asker);
	}
	answer_error(request, 404, "There is nothing at this path", NULL);
}
