#include "server/api/group.h"

#include <string.h>

#include "common/error.h"
#include "proto/api_table.h"
#include "server/api/hint.h"
#include "server/api/request.h"
#include "server/runtime/metadata.h"

/* --- names ------------------------------------------------------------------------------------ */

bool group_text_fits(const char *text)
{
    return strlen(text) <= GROUP_TEXT_MAX;
}

bool group_is_served(const struct request *request)
{
    const struct feature_levels levels = feature_cell_levels(request->api->levels);

    return api_served(api_find(KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR), &levels);
}

int group_check(const struct request *request, const char *group, enum operation operation)
{
    if (group[0] == '\0' || !group_text_fits(group))
        return K_INVALID_GROUP_ID;
    int code = authorise_group(request->principal, operation, group);
    return code == 0 && !group_is_served(request) ? K_COORDINATOR_NOT_AVAILABLE : code;
}

struct groups_known group_known(const struct request *request)
{
    const struct metadata *picture = shard_picture(request->shard);

    return (struct groups_known){picture->controller_epoch, picture->sequence};
}

const char *group_state_name(enum group_state state)
{
    static const char *const names[] = {[GROUP_EMPTY] = "Empty",
                                        [GROUP_PREPARING] = "PreparingRebalance",
                                        [GROUP_COMPLETING] = "CompletingRebalance",
                                        [GROUP_STABLE] = "Stable",
                                        [GROUP_DEAD] = "Dead"};
    return names[state];
}

/* --- asking ----------------------------------------------------------------------------------- */

static void end(struct group_calls *calls)
{
    calls->request->hurry = NULL;
    calls->answer(calls);
}

/* A call may be answered before it returns: not deeper, but once more around. */
static void ask_in_turn(struct group_calls *calls)
{
    if (calls->running)
        return;
    calls->running = true;
    while (calls->next < calls->count && calls->left == 0) {
        struct group_call *call = &calls->calls[calls->next++];
        if (call->outcome.code != 0)
            continue;
        calls->left = 1;
        if (call->group != NULL)
            group_call_start(call);
        else
            group_call_start_at(call, &call->key);
    }
    calls->running = false;
    if (calls->left == 0)
        end(calls);
}

static void call_done(struct group_call *call)
{
    struct group_calls *calls = call->context;

    calls->left--;
    if (calls->in_turn)
        ask_in_turn(calls);
    else if (calls->left == 0)
        end(calls);
}

/* The asker is gone. What is not asked yet will not be. */
static void hurry(struct request *request)
{
    struct group_calls *calls = request->waiter;

    request->hurry = NULL;
    if (calls->in_turn) {
        size_t asked = calls->next;
        calls->next = calls->count;
        if (asked > 0)
            group_call_hurry(&calls->calls[asked - 1], K_CLOSED);
        return;
    }
    /* The last one that is answered takes the calls with it. */
    calls->left++;
    for (size_t i = 0; i < calls->count; i++)
        group_call_hurry(&calls->calls[i], K_CLOSED);
    if (--calls->left == 0)
        end(calls);
}

struct group_calls *group_calls_new(struct request *request, size_t count,
                                    void (*answer)(struct group_calls *calls))
{
    struct group_calls *calls = arena_calloc(&request->arena, 1, sizeof *calls);
    struct group_call *items = arena_calloc(&request->arena, count + 1, sizeof *items);

    if (calls == NULL || items == NULL)
        return NULL;
    calls->request = request;
    calls->calls = items;
    calls->answer = answer;
    return calls;
}

struct group_call *group_calls_add(struct group_calls *calls, const char *group)
{
    struct group_call *call = &calls->calls[calls->count++];

    group_call_init(call, calls->request->shard, group);
    call->context = calls;
    call->done = call_done;
    call->deadline_ms = request_deadline_ms(calls->request);
    return call;
}

struct group_call *group_call_new(struct request *request, const char *group,
                                  void (*answer)(struct group_calls *calls))
{
    struct group_calls *calls = group_calls_new(request, 1, answer);

    return calls != NULL ? group_calls_add(calls, group) : NULL;
}

void group_calls_start(struct group_calls *calls)
{
    calls->request->waiter = calls;
    calls->request->hurry = hurry;
    calls->left = 1;
    for (size_t i = 0; i < calls->count; i++) {
        if (calls->calls[i].outcome.code != 0)
            continue;
        calls->left++;
        group_call_start(&calls->calls[i]);
    }
    if (--calls->left == 0)
        end(calls);
}

void group_calls_start_in_turn(struct group_calls *calls)
{
    struct request *request = calls->request;

    for (size_t i = 0; i < calls->count; i++)
        calls->calls[i].arena = &request->arena;
    calls->in_turn = true;
    request->waiter = calls;
    request->hurry = hurry;
    ask_in_turn(calls);
}

void group_call_ask(struct group_call *call)
{
    group_calls_start_in_turn(call->context);
}

/* --- errors ----------------------------------------------------------------------------------- */

bool group_is_elsewhere(int code)
{
    return code == K_NOT_COORDINATOR || code == K_COORDINATOR_NOT_AVAILABLE ||
           code == K_COORDINATOR_LOAD_IN_PROGRESS || code == K_CLOSED;
}

Kairn__Error *group_error(struct request *request, const struct group_call *call)
{
    return hint_error_text(request, &call->outcome, call->reason);
}

void group_fail(struct request *request, const struct group_call *call)
{
    request->response.error = group_error(request, call);
    request_finish(request);
}
