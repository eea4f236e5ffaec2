#include "client/trouble_event.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/event.h"
#include "common/error.h"

enum { TEXT_MAX = 1024 };               /* what is longer is cut off */

/* One piece of memory, so that who frees an event need not know its kind. */
struct trouble_event {
    struct klient_event event;          /* first */
    klient_trouble_t trouble;           /* points into `texts` */
    char texts[];
};

/* --- its text --------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) append(char *text, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + used, TEXT_MAX - used, format, arguments);
    va_end(arguments);
}

/* " (broker 1 at 127.0.0.1:9092)", " (topic t, partition 3)", " (group g)", or nothing. */
static void append_subject(char *text, const struct trouble_subject *subject)
{
    if (subject->broker >= 0)
        append(text, " (broker %d at %s)", (int)subject->broker,
               subject->address == NULL ? "an unknown address" : subject->address);
    else if (subject->address != NULL)
        append(text, " (%s)", subject->address);
    if (subject->topic != NULL)
        append(text, " (topic %s", subject->topic);
    if (subject->topic != NULL && subject->partition >= 0)
        append(text, ", partition %d", (int)subject->partition);
    if (subject->topic != NULL)
        append(text, ")");
    if (subject->group != NULL)
        append(text, " (group %s)", subject->group);
}

static void write_text(const struct trouble_news *news, char *text)
{
    text[0] = '\0';
    append(text, "%s", trouble_what(news->kind));
    append_subject(text, &news->subject);
    if (news->untold > 0)
        append(text, ": %llu reports of them", (unsigned long long)news->untold);
    if (news->code != 0)
        append(text, ": %s", k_error_text(news->code));
}

/* --- the event -------------------------------------------------------------------------------- */

static size_t size_of(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

static const char *keep(char **at, const char *text)
{
    char *copy = *at;

    if (text == NULL)
        return NULL;
    memcpy(copy, text, size_of(text));
    *at += size_of(text);
    return copy;
}

struct klient_event *trouble_event_new(const struct trouble_news *news, int64_t since_ms)
{
    char text[TEXT_MAX];

    write_text(news, text);
    struct trouble_event *made = malloc(sizeof *made + size_of(text) +
                                        size_of(news->subject.topic) +
                                        size_of(news->subject.group));
    if (made == NULL)
        return NULL;
    char *at = made->texts;
    made->event = (struct klient_event){ .kind = KLIENT_EVENT_TROUBLE,
                                         .code = (klient_code_t)news->code };
    made->trouble = (klient_trouble_t){
        .size = sizeof made->trouble,
        .severity = news->severity,
        .over = news->over,
        .code = (klient_code_t)news->code,
        .text = keep(&at, text),
        .action = trouble_action(news->kind),
        .about = trouble_name(news->kind),
        .broker = news->subject.broker,
        .topic = keep(&at, news->subject.topic),
        .partition = news->subject.partition,
        .group = keep(&at, news->subject.group),
        .since_ms = since_ms,
        .lasted_ms = news->lasted_ms,
    };
    return &made->event;
}

klient_code_t klient_event_trouble(const klient_event_t *event, klient_trouble_t *out)
{
    if (event == NULL || out == NULL || event->kind != KLIENT_EVENT_TROUBLE ||
        out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    *out = ((const struct trouble_event *)event)->trouble;
    return KLIENT_OK;
}
