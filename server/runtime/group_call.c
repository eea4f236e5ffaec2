#include "server/runtime/group_call.h"

#include <assert.h>

#include "common/error.h"
#include "server/runtime/drive_groups.h"
#include "server/runtime/group_place.h"
#include "server/runtime/metadata.h"

static void waited_enough(struct shard_deadline *deadline)
{
    group_call_hurry(LIST_OWNER(deadline, struct group_call, deadline), K_REQUEST_TIMED_OUT);
}

void group_call_init(struct group_call *call, struct shard *home, const char *group)
{
    call->home = home;
    call->group = group;
    call->outcome = OUTCOME_NONE;
    shard_deadline_init(&call->deadline, waited_enough);
}

/* --- home ------------------------------------------------------------------------------------- */

static void one_back(struct group_call *call)
{
    assert(call->pending > 0);
    if (--call->pending > 0)
        return;
    shard_deadline_clear(call->home, &call->deadline);
    call->done(call);
}

static void came_back(struct mail *mail)
{
    one_back(LIST_OWNER(mail, struct group_call, mail));
}

static void left(struct mail *mail)
{
    one_back(LIST_OWNER(mail, struct group_call, leaving));
}

/* --- the owner's ------------------------------------------------------------------------------ */

void group_call_answered(struct group_call *call)
{
    if (call->owner == call->home) {
        one_back(call);
        return;
    }
    call->mail.deliver = came_back;
    mail_post(shard_mail_target(call->home), &call->mail);
}

static void arrived(struct mail *mail)
{
    struct group_call *call = LIST_OWNER(mail, struct group_call, mail);

    drive_groups_ask(call->owner, call);
}

/* It came behind the question, and goes back behind the answer, if there is one by now. */
static void leave_arrived(struct mail *mail)
{
    struct group_call *call = LIST_OWNER(mail, struct group_call, leaving);

    drive_groups_leave(call, call->leave_code);
    call->leaving.deliver = left;
    mail_post(shard_mail_target(call->home), &call->leaving);
}

/* --- asking ----------------------------------------------------------------------------------- */

void group_call_start_at(struct group_call *call, const struct partition_key *key)
{
    struct shards *shards = shard_owner(call->home);

    call->key = *key;
    call->owner = shards_at(shards, metadata_loop_of(&key->topic_id, key->index,
                                                     shards_count(shards)));
    call->pending = 1;
    /* Without memory for a deadline it ends when the question does. */
    (void)shard_deadline_set(call->home, &call->deadline, call->deadline_ms);
    if (call->owner == call->home) {
        drive_groups_ask(call->owner, call);
        return;
    }
    call->mail.deliver = arrived;
    mail_post(shard_mail_target(call->owner), &call->mail);
}

void group_call_start(struct group_call *call)
{
    const struct metadata_topic *topic =
        metadata_topic_by_name(shard_picture(call->home), OFFSETS_TOPIC);

    if (topic == NULL || topic->partition_count < 1) {
        call->owner = call->home;
        call->pending = 1;
        call->outcome.code = K_NOT_COORDINATOR;
        group_call_answered(call);
        return;
    }
    const struct partition_key key = {.topic_id = topic->id,
                                      .index = group_place(call->group, topic->partition_count)};
    group_call_start_at(call, &key);
}

void group_call_hurry(struct group_call *call, int code)
{
    if (call->leave_code != 0 || call->pending == 0)
        return;
    shard_deadline_clear(call->home, &call->deadline);
    call->leave_code = code;
    if (call->owner == call->home) {
        drive_groups_leave(call, code);
        return;
    }
    call->pending++;
    call->leaving.deliver = leave_arrived;
    mail_post(shard_mail_target(call->owner), &call->leaving);
}
