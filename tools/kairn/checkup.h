/* checkup.h - what is wrong with a cluster, and what to type: a table of checks. Pure. */
#ifndef TOOLS_KAIRN_CHECKUP_H
#define TOOLS_KAIRN_CHECKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/kairn/facts.h"

enum severity {
    SEVERITY_NOTE,                      /* good to know; nothing is wrong */
    SEVERITY_WARNING,                   /* works until something else happens */
    SEVERITY_ERROR,                     /* something does not work */
    SEVERITY_COUNT
};

struct checkup;

struct check {
    const char *name;
    enum severity severity;
    const char *what;                   /* is wrong */
    const char *todo;                   /* @ stands for the subject of a finding */
    void (*examine)(const struct facts *facts, struct checkup *checkup);
};

/* One thing that is wrong. */
struct finding {
    const struct check *check;
    char *subject;                      /* "orders", "1", "/data/1"; "" without. Owned, as detail */
    char *detail;                       /* "2 of 6 partitions" */
};

struct checkup {
    const struct check *check;          /* that is under way */
    struct finding *findings;           /* in the order of the table; owned */
    size_t count, room;
};

/* All checks. */
extern const struct check checkup_table[];
extern const size_t checkup_table_count;

/* NULL: there is none of this name. */
const struct check *checkup_find(const char *name);

/* Carry out all checks but those that `skips` says no to (NULL: none). Ends the process when out of
 * memory, as tables do. Free with checkup_fini(). */
void checkup_run(const struct facts *facts, bool (*skips)(void *context, const struct check *check),
                 void *context, struct checkup *out);
void checkup_fini(struct checkup *checkup);

const char *severity_name(enum severity severity);          /* "note", "warning", "error" */
size_t checkup_count(const struct checkup *checkup, enum severity severity);
/* Nothing is wrong: there are notes at most. */
bool checkup_sound(const struct checkup *checkup);

/* What to type about a finding, into `text`, cut when it does not fit. Returns `text`. */
const char *checkup_todo(const struct finding *finding, char *text, size_t size);

/* --- for checks ------------------------------------------------------------------------------- */

/* The check under way has found something about `subject`. */
void checkup_add(struct checkup *checkup, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same about a broker. */
void checkup_add_broker(struct checkup *checkup, const struct facts_broker *broker,
                        const char *format, ...) __attribute__((format(printf, 3, 4)));

typedef void checkup_examine(const struct facts *facts, struct checkup *checkup);

/* checkup_cluster.c */
checkup_examine checkup_controller, checkup_brokers, checkup_offline, checkup_under_min_isr,
    checkup_under_replicated, checkup_copies, checkup_min_isr_all, checkup_min_isr_one,
    checkup_replicas_one, checkup_offsets_few, checkup_offsets_impossible, checkup_unclean,
    checkup_settings_differ, checkup_racks, checkup_loopback, checkup_tmp, checkup_log_level,
    checkup_features_held;
/* checkup_zookeeper.c */
checkup_examine checkup_zookeeper_silent, checkup_zookeeper_quorum, checkup_zookeeper_closed,
    checkup_zookeeper_alone, checkup_zookeeper_even, checkup_zookeeper_slow,
    checkup_session_timeout;
/* checkup_machine.c */
checkup_examine checkup_elsewhere, checkup_descriptors, checkup_dirty, checkup_dirty_background,
    checkup_swap, checkup_disk_full, checkup_disk_low, checkup_inodes, checkup_read_only,
    checkup_disk_shared;

#endif
