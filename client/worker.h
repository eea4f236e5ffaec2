/* worker.h - threads of the library that run functions of the application. */
#ifndef CLIENT_WORKER_H
#define CLIENT_WORKER_H

#include <pthread.h>

/* Start one in which all signals are blocked; `name` is for tools, up to 15 characters. To be
 * joined. 0 or K_NOMEM. */
int worker_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context);

#endif
