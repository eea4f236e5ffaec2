/* trouble.h - which troubles are open, and what of them is to be told. Pure: who reports gives the
 * time, and what is to be told comes out.
 *
 * A trouble is a kind and a subject. It may be reported any number of times: it is told when it
 * begins, once when it becomes persistent, once when it becomes fatal, and once when it is over. It
 * is over when it has stayed away for a while: what comes and goes is one trouble, and told once.
 * At most TROUBLES_MAX are open, and as many fatal ones; others are
 * counted.
 *
 * Calls that tell something tell one thing and return true: then *out is set, and its texts are
 * valid until the next call. */
#ifndef CLIENT_TROUBLE_H
#define CLIENT_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "client/klient.h"
#include "client/trouble_table.h"
#include "common/list.h"

enum {
    TROUBLES_MAX = 256,
    TROUBLE_QUIET_MS_MAX = 2000     /* longer than pauses between attempts, by default */
};

enum trouble_kind {
#define X(kind, name, rule, what, action) TROUBLE_##kind,
    TROUBLE_TABLE(X)
#undef X
    TROUBLE_KIND_COUNT
};

/* "broker-unreachable"; what is wrong; what to do about it. */
const char *trouble_name(enum trouble_kind kind);
const char *trouble_what(enum trouble_kind kind);
const char *trouble_action(enum trouble_kind kind);

/* What it is about. Texts are NULL and numbers -1 where it is not about such a thing. */
struct trouble_subject {
    int32_t broker;
    const char *address;            /* of a broker; tells no subject from another */
    const char *topic;
    int32_t partition;
    const char *group;
};

#define TROUBLE_OF_NOTHING ((struct trouble_subject){ .broker = -1, .partition = -1 })

struct trouble_report {
    enum trouble_kind kind;
    struct trouble_subject subject;
    int code;
    bool idle;                      /* nobody waits for it */
};

/* What is to be told. */
struct trouble_news {
    enum trouble_kind kind;
    klient_severity_t severity;
    bool over;
    int code;                       /* of the last report */
    struct trouble_subject subject;
    int64_t since_ms, lasted_ms;    /* in the time that the reports were given */
    uint64_t untold;                /* of MANY_TROUBLES: reports of those that are not told */
};

struct trouble;

struct trouble_book {
    int64_t persistent_ms;
    int64_t quiet_ms;               /* so long it has to stay away: a fifth of that */
    struct list open;               /* struct trouble, owned; oldest first */
    size_t count, fatal, many;      /* of them: fatal from the beginning, MANY_TROUBLES, the rest */
    unsigned counts[TROUBLE_KIND_COUNT];    /* of them, that are there */
    uint64_t untold;
    struct trouble *over;           /* owned: that was told last */
};

void trouble_book_init(struct trouble_book *book, int64_t persistent_ms);
void trouble_book_fini(struct trouble_book *book);

/* Is any of the kind there? For paths on which nothing more may be spent. */
static inline bool trouble_is_there(const struct trouble_book *book, enum trouble_kind kind)
{
    return book->counts[kind] > 0;
}

/* It is there, or still is. */
bool trouble_begin(struct trouble_book *book, const struct trouble_report *report, int64_t now_ms,
                   struct trouble_news *out);

/* It is no more, or never was; trouble_tick() tells it. */
void trouble_end(struct trouble_book *book, enum trouble_kind kind,
                 const struct trouble_subject *subject, int64_t now_ms);

/* Time has passed; to be called until it returns false. */
bool trouble_tick(struct trouble_book *book, int64_t now_ms, struct trouble_news *out);

/* When to tick next; INT64_MAX: never. */
int64_t trouble_deadline_ms(const struct trouble_book *book);

/* The table as a page shows it. */
void trouble_print_docs(FILE *out);

#endif
