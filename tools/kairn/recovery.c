#include "tools/kairn/recovery.h"

#include <stdio.h>

#include "tools/kairn/bytes.h"

enum { BYTES_TEXT = 32 };

void recovery_explain(const struct recovery *recovery, char *text, size_t size)
{
    char checked[BYTES_TEXT], found[BYTES_TEXT];

    snprintf(text, size,
             "broker %d checks its logs after a crash: %lld %s left, %s of the %s found so far are "
             "checked",
             (int)recovery->broker, (long long)recovery->logs_left,
             recovery->logs_left == 1 ? "is" : "are",
             bytes_text(checked, sizeof checked, recovery->checked),
             bytes_text(found, sizeof found, recovery->found));
}

json_t *recovery_json(const struct recovery *recoveries, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:I}", "broker",
                                              (int)recoveries[i].broker, "logs_left",
                                              (json_int_t)recoveries[i].logs_left, "found_bytes",
                                              (json_int_t)recoveries[i].found, "checked_bytes",
                                              (json_int_t)recoveries[i].checked));
    return list;
}
