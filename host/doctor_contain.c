#include "host/doctor_contain.h"

#include <stdio.h>

#include "host/containment.h"

#define REMEDY \
	"apps may open the control socket and the host's state, and so all that the console can do: " \
	"install bubblewrap; in a container, let it make user and process namespaces"

static void tell_free_apps(struct es_findings *findings, const struct es_settings *settings) {
	char names[160] = "";
	size_t used = 0;
	for (size_t i = 0; settings != NULL && i < settings->n_apps && used < sizeof(names); i++) {
		if (settings->apps[i].is_free) {
			int n = snprintf(names + used, sizeof(names) - used, "%s'%.40s'", used > 0 ? ", " : "",
					settings->apps[i].title);
			used += n > 0 ? (size_t)n : 0;
		}
	}
	if (used > 0) {
		findings_add(findings, "free apps", true, NULL, "%s may do all that you may (contain no)",
				names);
	}
}

void doctor_check_contain(struct es_findings *findings, const struct es_settings *settings) {
	struct es_containment *containment = containment_create();
	const char *missing = containment != NULL ? containment_missing(containment) : "out of memory";
	findings_add(findings, "containment", missing == NULL, REMEDY, "%s",
			missing != NULL
					? missing
					: "apps of sessions see neither the control socket nor the host's state");
	containment_destroy(containment);
	tell_free_apps(findings, settings);
}
