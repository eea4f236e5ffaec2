#include "tests/client/told.h"

#include <stdio.h>
#include <string.h>

enum { STORY_SIZE = 8192 };

const char SOON[] = "150", LATE[] = "60000";
klient_queue_t *told_queue;
klient_trouble_t told_last;
static char story[STORY_SIZE];          /* words, each with a blank before it */

void told_setup(void)
{
    told_queue = klient_queue_new(NULL);
    story[0] = '\0';
}

void told_teardown(void)
{
    klient_queue_free(told_queue);
}

klient_config_t *telling(klient_config_t *config, const char *persistent_ms)
{
    ck_assert_int_eq(klient_config_set(config, "trouble.persistent.ms", persistent_ms, NULL),
                     KLIENT_OK);
    klient_config_set_queue(config, told_queue);
    return config;
}

static void note(const klient_trouble_t *trouble)
{
    static const char *const names[] = { "transient", "idle", "persistent", "fatal" };
    size_t used = strlen(story);

    ck_assert_ptr_nonnull(trouble->text);
    ck_assert_ptr_nonnull(trouble->action);
    ck_assert_uint_gt(strlen(trouble->action), 0);
    char broker[16] = "";
    if (trouble->broker >= 0)
        snprintf(broker, sizeof broker, "#%d", (int)trouble->broker);
    snprintf(story + used, STORY_SIZE - used, " %s%s:%s%s", trouble->about, broker,
             names[trouble->severity], trouble->over ? ":over" : "");
    told_last = *trouble;
    told_last.text = told_last.action = told_last.about = NULL;
    told_last.topic = told_last.group = NULL;
}

bool hear(int64_t timeout_ms)
{
    klient_trouble_t trouble = { .size = sizeof trouble };
    klient_event_t *event = NULL;

    ck_assert_int_eq(klient_queue_poll(told_queue, timeout_ms, &event, NULL), KLIENT_OK);
    if (event == NULL)
        return false;
    ck_assert_int_eq(klient_event_kind(event), KLIENT_EVENT_TROUBLE);
    ck_assert_int_eq(klient_event_trouble(event, &trouble), KLIENT_OK);
    ck_assert_int_eq(klient_event_code(event), trouble.code);
    ck_assert_ptr_null(klient_event_error(event));
    note(&trouble);
    klient_event_free(event);
    return true;
}

bool was_told(const char *what)
{
    char padded[128], whole[STORY_SIZE + 2];

    snprintf(padded, sizeof padded, " %s ", what);
    snprintf(whole, sizeof whole, "%s ", story);
    return strstr(whole, padded) != NULL;
}

bool nothing_was_told(void)
{
    return story[0] == '\0';
}

void await(const char *what)
{
    while (!was_told(what))
        ck_assert_msg(hear(PATIENCE_MS), "not told: %s; but%s", what, story);
}

void await_polling(struct member *member, const char *what)
{
    for (int looks = 0; !was_told(what); looks++) {
        ck_assert_msg(looks < 10000, "not told: %s; but%s", what, story);
        member_poll(member, 2);
        hear(0);
    }
}

void expect_all(const char *about, const char *stages)
{
    char told[STORY_SIZE] = "", copy[STORY_SIZE], *rest = copy, *word;
    size_t size = strlen(about);

    while (hear(100))
        ;
    snprintf(copy, sizeof copy, "%s", story);
    while ((word = strtok_r(rest, " ", &rest)) != NULL) {
        size_t used = strlen(told);
        if (strncmp(word, about, size) == 0 && word[size] == ':')
            snprintf(told + used, sizeof told - used, "%s%s", used > 0 ? " " : "",
                     word + size + 1);
    }
    ck_assert_str_eq(told, stages);
}
