#include "tools/kairn/log_copies.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/kairn/follower.h"
#include "tools/kairn/table.h"

enum { ID_TEXT = 16 };

static const char *id_text(char text[ID_TEXT], int32_t broker)
{
    snprintf(text, ID_TEXT, "%" PRId32, broker);
    return text;
}

static void note_object(struct log_copies *copies, int32_t leader, const klient_log_info_t *log,
                        const klient_follower_info_t *follower)
{
    char id[ID_TEXT];

    if (copies->by_broker == NULL)
        copies->by_broker = json_object();
    json_t *list = json_object_get(copies->by_broker, id_text(id, follower->broker));
    if (list == NULL) {
        list = json_array();
        json_object_set_new(copies->by_broker, id, list);
    }
    json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:s}", "topic",
                                          log->topic, "partition", (int)log->partition, "leader",
                                          (int)leader, "leader_bytes", (json_int_t)log->bytes,
                                          "log_end", (json_int_t)follower->end, "lag",
                                          (json_int_t)follower->lag, "state",
                                          follower_name(follower->state)));
}

static void note_row(struct log_copies *copies, int32_t leader, const klient_log_info_t *log,
                     const klient_follower_info_t *follower)
{
    if (copies->table == NULL)
        copies->table = table_new(">BROKER FOLLOWS >LEADER >LEADER-BYTES >END >LAG STATE");
    table_add(copies->table, "%" PRId32, follower->broker);
    table_add(copies->table, "%s-%" PRId32, log->topic, log->partition);
    table_add(copies->table, "%" PRId32, leader);
    table_add(copies->table, "%" PRId64, log->bytes);
    if (follower->end >= 0)
        table_add(copies->table, "%" PRId64, follower->end);
    else
        table_add(copies->table, "-");
    table_add(copies->table, "%" PRId64, follower->lag);
    table_add(copies->table, "%s", follower_name(follower->state));
}

void log_copies_note(struct log_copies *copies, bool json, int32_t leader,
                     const klient_log_info_t *log, const klient_follower_info_t *follower)
{
    if (json)
        note_object(copies, leader, log, follower);
    else
        note_row(copies, leader, log, follower);
}

void log_copies_print(struct log_copies *copies)
{
    if (copies->table == NULL)
        return;
    putchar('\n');
    table_print(copies->table);
    copies->table = NULL;
}

json_t *log_copies_json(const struct log_copies *copies, int32_t broker)
{
    char id[ID_TEXT];
    json_t *list = json_object_get(copies->by_broker, id_text(id, broker));

    return list != NULL ? json_incref(list) : json_array();
}

void log_copies_free(struct log_copies *copies)
{
    json_decref(copies->by_broker);
}
