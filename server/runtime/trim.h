/* runtime/trim.h - delete-records: raise where a partition starts. */
#ifndef RUNTIME_TRIM_H
#define RUNTIME_TRIM_H

#include <stdint.h>

#include "server/runtime/question.h"

enum { TRIM_TO_HIGH_WATERMARK = -1 };

struct trim_entry {
    struct question question;
    int64_t offset;                     /* records before it go, or the above */

    /* the answer */
    int64_t start;                      /* of the log, now and after a crash */
};

/* For scatter.run: every entry of the part is a struct trim_entry. */
void trim_run(struct scatter_part *part);

#endif
