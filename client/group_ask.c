#include "client/group_ask.h"

#include <stdlib.h>

#include "client/coordinator.h"
#include "client/find_coordinator.h"
#include "client/handle.h"
#include "common/error.h"

static void find(struct group_ask *ask);

static struct group_ask *ask_of(struct inquiry *inquiry)
{
    return LIST_OWNER(inquiry, struct group_ask, inquiry);
}

/* --- the coordinator is asked ----------------------------------------------------------------- */

static int build_question(struct inquiry *inquiry, struct request *request)
{
    struct group_ask *ask = ask_of(inquiry);

    return ask->kind->build(ask, request);
}

static int read_answer(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                       const Kairn__Error **error)
{
    struct group_ask *ask = ask_of(inquiry);

    return ask->kind->read(ask, head, error);
}

/* It does not help to ask the same broker again. */
static bool is_elsewhere(struct inquiry *inquiry, int code)
{
    return !ask_of(inquiry)->finding && coordinator_is_elsewhere(code);
}

static void question_over(struct group_ask *ask, int code, const char *text)
{
    bool maybe_done = code == K_NETWORK_EXCEPTION || code == K_REQUEST_TIMED_OUT;

    if (!coordinator_is_elsewhere(code) || (maybe_done && ask->kind->once)) {
        survey_answered(&ask->answer, code, text);
        return;
    }
    ask->doubted = ask->coordinator;
    find(ask);
}

static void put(struct group_ask *ask)
{
    ask->finding = false;
    ask->inquiry.build = build_question;
    ask->inquiry.read = read_answer;
    ask->inquiry.once = ask->kind->once;
    ask->inquiry.broker = ask->coordinator;
    inquiry_start(&ask->inquiry, ask->answer.survey->klient, NULL, 0,
                  ask->answer.survey->deadline_ms);
}

/* --- it is looked for ------------------------------------------------------------------------- */

static int build_find(struct inquiry *inquiry, struct request *request)
{
    return find_coordinator_build(ask_of(inquiry)->answer.topic, request);
}

/* Who was not it a moment ago is believed to be it only when that is said once more, later. */
static int read_find(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                     const Kairn__Error **error)
{
    struct group_ask *ask = ask_of(inquiry);
    int code = find_coordinator_read(ask->answer.survey->klient, head, &ask->coordinator, error);

    if (code != 0 || ask->coordinator != ask->doubted)
        return code;
    ask->doubted = -1;
    return K_COORDINATOR_NOT_AVAILABLE;
}

static void over(struct inquiry *inquiry, int code, const char *text)
{
    struct group_ask *ask = ask_of(inquiry);

    if (!ask->finding)
        question_over(ask, code, text);
    else if (code == 0)
        put(ask);
    else
        survey_answered(&ask->answer, code, text);
}

static void find(struct group_ask *ask)
{
    ask->finding = true;
    ask->inquiry.build = build_find;
    ask->inquiry.read = read_find;
    ask->inquiry.done = over;
    ask->inquiry.is_final = is_elsewhere;
    ask->inquiry.once = false;
    ask->inquiry.broker = -1;
    inquiry_start(&ask->inquiry, ask->answer.survey->klient, NULL, 0,
                  ask->answer.survey->deadline_ms);
}

static void start(struct answer *answer)
{
    struct group_ask *ask = LIST_OWNER(answer, struct group_ask, answer);

    ask->doubted = -1;
    find(ask);
}

struct survey *group_survey_new(struct klient *klient, const char *const *groups, size_t count,
                                size_t row_size, const struct group_ask_kind *kind,
                                int64_t deadline_ms)
{
    klient_topic_partition_t *names = calloc(count + 1, sizeof *names);
    struct survey *survey = NULL;

    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = (klient_topic_partition_t){ .topic = groups[i], .partition = -1 };
    if (names != NULL)
        survey = survey_new(klient, names, count, row_size, start, deadline_ms);
    for (size_t i = 0; survey != NULL && i < count; i++)
        ((struct group_ask *)survey_row(survey, i))->kind = kind;
    free(names);
    return survey;
}
