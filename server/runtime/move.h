/* runtime/move.h - a partition's log goes to another log directory while the partition serves; for
 * the files of runtime/ only.
 *
 * The io pool copies most of it in the background (storage/log_move.h). Then the partition pauses,
 * as while its log is opened: requests wait, what is under way on the log ends, it is closed, the
 * rest is copied, and it is opened again, from there or, when that failed, from where it was. */
#ifndef RUNTIME_MOVE_H
#define RUNTIME_MOVE_H

#include <stdbool.h>

#include "server/runtime/question.h"

struct move_entry {
    struct question question;
    const char *directory;              /* a path of log.dirs */
    bool ask;                           /* begin nothing, only say how it goes */

    /* the answer; outcomes: LOG_DIR_NOT_FOUND, EXISTS (it is there), BUSY (it is on its way),
     * DISK_FULL, KAFKA_STORAGE_ERROR, NOMEM; asked: also why the last one failed, NOT_FOUND: there
     * was none */
    bool under_way;
};

/* For scatter.run: every entry of the part is a struct move_entry. */
void move_run(struct scatter_part *part);

/* partition_change_over() is done: 0, or why the log is where it was. */
void move_ended(struct partition *partition, int code);

/* The partition goes away: so does its move, unless its log is just being changed over. If the log
 * was waiting for that, it is OPEN again. */
void move_forget(struct partition *partition);

#endif
