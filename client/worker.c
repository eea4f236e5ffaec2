#include "client/worker.h"

#include <signal.h>

#include "common/error.h"

int worker_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return K_NOMEM;
    pthread_setname_np(*thread, name);
    return 0;
}
