/* visits.h - the threads that are inside of functions of the application which a producer calls:
 * what these must not call finds them here. Any thread; nothing blocks. */
#ifndef CLIENT_VISITS_H
#define CLIENT_VISITS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/spin.h"

/* On the visitor's stack. */
struct visit {
    struct visit *next;
    pthread_t thread;
};

struct visits {
    struct spin spin;
    struct visit *first;
};

static inline bool visits_found(const struct visits *visits, pthread_t thread)
{
    for (const struct visit *visit = visits->first; visit != NULL; visit = visit->next)
        if (pthread_equal(visit->thread, thread))
            return true;
    return false;
}

/* Is this thread inside? */
static inline bool visits_has(struct visits *visits)
{
    spin_lock(&visits->spin);
    bool found = visits_found(visits, pthread_self());
    spin_unlock(&visits->spin);
    return found;
}

/* False: it is inside already. */
static inline bool visits_enter(struct visits *visits, struct visit *visit)
{
    visit->thread = pthread_self();
    spin_lock(&visits->spin);
    bool found = visits_found(visits, visit->thread);
    if (!found) {
        visit->next = visits->first;
        visits->first = visit;
    }
    spin_unlock(&visits->spin);
    return !found;
}

static inline void visits_leave(struct visits *visits, struct visit *visit)
{
    spin_lock(&visits->spin);
    struct visit **at = &visits->first;
    while (*at != visit)
        at = &(*at)->next;
    *at = visit->next;
    spin_unlock(&visits->spin);
}

#endif
