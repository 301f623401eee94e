// Makes events of what changes on the host: each tells what the route of that name answers now.
// Single-threaded, on the host's event loop.
#pragma once

#include "host/api_host.h"
#include "host/events.h"

struct es_news;
// Hears of pairings, clients and listeners by itself. NULL: no memory. Borrowed.
struct es_news *news_create(const struct es_api_host *host);
void news_destroy(struct es_news *news); // before what the host is made of. NULL is fine.
// Something of that kind has changed: told in the loop's next round, once for many.
void news_tell(struct es_news *news, enum es_event_type type);
