#include "server/call.h"

#include <errno.h>
#include <semaphore.h>

#include "common/list.h"
#include "net/loop.h"

struct call {
    struct mail mail;
    void (*run)(void *context);
    void *context;
    sem_t done;
};

static void run_call(struct mail *mail)
{
    struct call *call = LIST_OWNER(mail, struct call, mail);

    call->run(call->context);
    sem_post(&call->done);
}

void call_on(struct loop *loop, void (*run)(void *context), void *context)
{
    struct call call = { .mail.deliver = run_call, .run = run, .context = context };

    sem_init(&call.done, 0, 0);
    loop_post(loop, &call.mail);
    while (sem_wait(&call.done) != 0 && errno == EINTR) {
    }
    sem_destroy(&call.done);
}
