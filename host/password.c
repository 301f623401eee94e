#define _GNU_SOURCE
#include "host/password.h"

#include <crypt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "protocol/crypto.h"

#define METHOD "$y$"
#define MAX_PASSWORD 1024

struct job {
	struct es_password_jobs *jobs; // borrowed
	pthread_t thread;
	bool running;
	sd_event_source *finished;
	es_password_done done; // NULL: forgotten
	void *data;
	// the thread's from its start to its write to the fd
	int fd;
	char password[MAX_PASSWORD];
	char setting[CRYPT_OUTPUT_SIZE];
	char hash[CRYPT_OUTPUT_SIZE]; // "": it could not be made
};

struct es_password_jobs {
	sd_event *event; // borrowed
	struct job jobs[ES_PASSWORD_MAX_JOBS];
};

static void *work(void *data) {
	struct job *job = data;
	struct crypt_data *state = calloc(1, sizeof(*state));
	const char *hash =
			state != NULL ? crypt_rn(job->password, job->setting, state, sizeof(*state)) : NULL;
	snprintf(job->hash, sizeof(job->hash), "%s", hash != NULL && hash[0] != '*' ? hash : "");
	if (state != NULL) {
		crypto_wipe(state, sizeof(*state));
	}
	free(state);
	uint64_t one = 1;
	// The job is the loop's from here on.
	if (write(job->fd, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
		abort(); // an eventfd takes it always
	}
	return NULL;
}

static void finish(struct job *job) {
	if (job->running) {
		pthread_join(job->thread, NULL);
	}
	job->running = false;
	job->finished = sd_event_source_disable_unref(job->finished);
	fd_close(&job->fd);
	crypto_wipe(job->password, sizeof(job->password));
}

static int on_finished(sd_event_source *source, int fd, uint32_t events, void *data) {
	struct job *job = data;
	char hash[CRYPT_OUTPUT_SIZE];
	finish(job);
	es_password_done done = job->done;
	memcpy(hash, job->hash, sizeof(hash));
	crypto_wipe(job->hash, sizeof(job->hash));
	job->done = NULL;
	if (done != NULL) {
		done(job->data, hash[0] != '\0' ? hash : NULL); // which may start the next
	}
	crypto_wipe(hash, sizeof(hash));
	return 0;
}

// No signal may be handled there: they are for the loop.
static bool start(struct job *job) {
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	job->running = pthread_create(&job->thread, NULL, work, job) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return job->running;
}

static bool prepare(struct job *job, const char *password, const char *setting) {
	char made[CRYPT_GENSALT_OUTPUT_SIZE];
	if (setting == NULL) {
		setting = crypt_gensalt_rn(METHOD, 0, NULL, 0, made, (int)sizeof(made));
	}
	if (setting == NULL || strlen(setting) >= sizeof(job->setting) ||
			strlen(password) >= sizeof(job->password)) {
		return false;
	}
	memcpy(job->setting, setting, strlen(setting) + 1);
	memcpy(job->password, password, strlen(password) + 1);
	job->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return job->fd >= 0 &&
			sd_event_add_io(job->jobs->event, &job->finished, job->fd, EPOLLIN, on_finished, job) >=
			0;
}

struct es_password_jobs *password_jobs_create(sd_event *event) {
	struct es_password_jobs *jobs = calloc(1, sizeof(*jobs));
	for (size_t i = 0; jobs != NULL && i < ES_PASSWORD_MAX_JOBS; i++) {
		jobs->jobs[i].jobs = jobs;
		jobs->jobs[i].fd = -1;
	}
	if (jobs != NULL) {
		jobs->event = event;
	}
	return jobs;
}

void password_jobs_destroy(struct es_password_jobs *jobs) {
	for (size_t i = 0; jobs != NULL && i < ES_PASSWORD_MAX_JOBS; i++) {
		finish(&jobs->jobs[i]);
		crypto_wipe(jobs->jobs[i].hash, sizeof(jobs->jobs[i].hash));
	}
	free(jobs);
}

bool password_hash(struct es_password_jobs *jobs, const char *password, const char *setting,
		es_password_done done, void *data) {
	struct job *job = NULL;
	for (size_t i = 0; i < ES_PASSWORD_MAX_JOBS && job == NULL; i++) {
		job = jobs->jobs[i].running ? NULL : &jobs->jobs[i];
	}
	if (job == NULL) {
		return false;
	}
	job->done = done;
	job->data = data;
	if (!prepare(job, password, setting) || !start(job)) {
		finish(job);
		es_log(ES_LOG_ERROR, "a password cannot be checked: no thread, or no memory, for it");
		return false;
	}
	return true;
}

void password_forget(struct es_password_jobs *jobs, const void *data) {
	for (size_t i = 0; i < ES_PASSWORD_MAX_JOBS; i++) {
		if (jobs->jobs[i].data == data) {
			jobs->jobs[i].done = NULL;
		}
	}
}
