/* The rules of troubles.
 *
 * T1  At most one trouble of a kind and subject is open.
 * T2  A trouble is told when it begins and when it is over, and in between when it becomes
 *     persistent and when it becomes fatal; each at most once, for it never becomes less serious.
 * T3  What nobody waits for is idle and does not become persistent. With the first who waits it is
 *     transient, which is not told, and from then on its time counts.
 * T4  At most TROUBLES_MAX are open, as many that were fatal when they began, and one more that
 *     says that there are others. It is over when half of both are.
 * T5  One that has ended stays open until it is over, and does not become worse. If it begins anew
 *     before, it has never ended.
 * T6  counts[kind] is how many of the kind are open and have not ended. */
#include "client/trouble.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

enum trouble_rule { BY_TIME, BY_SIGHT, BY_CODE, FATAL };

static const struct {
    const char *name;
    enum trouble_rule rule;
    const char *what, *action;
} rows[] = {
#define X(kind, name, rule, what, action) { name, rule, what, action },
    TROUBLE_TABLE(X)
#undef X
};

struct trouble {
    struct list node;
    enum trouble_kind kind;
    struct trouble_subject subject;     /* its texts are in `texts` */
    int code;
    klient_severity_t severity;
    size_t *among;                      /* the count of the book that it is in */
    int64_t since_ms, awaited_ms;       /* awaited: since when somebody waits */
    bool ended;
    int64_t ended_ms;
    char texts[];
};

const char *trouble_name(enum trouble_kind kind)
{
    return rows[kind].name;
}

const char *trouble_what(enum trouble_kind kind)
{
    return rows[kind].what;
}

const char *trouble_action(enum trouble_kind kind)
{
    return rows[kind].action;
}

/* --- open ones -------------------------------------------------------------------------------- */

static struct trouble *trouble_of(struct list *node)
{
    return LIST_OWNER(node, struct trouble, node);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_subject(const struct trouble_subject *a, const struct trouble_subject *b)
{
    return a->broker == b->broker && a->partition == b->partition &&
           same_text(a->topic, b->topic) && same_text(a->group, b->group);
}

static struct trouble *find(const struct trouble_book *book, enum trouble_kind kind,
                            const struct trouble_subject *subject)
{
    LIST_EACH(&book->open, node) {
        struct trouble *trouble = trouble_of(node);
        if (trouble->kind == kind && same_subject(&trouble->subject, subject))
            return trouble;
    }
    return NULL;
}

static size_t text_size(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

static const char *keep_text(char **at, const char *text)
{
    char *copy = *at;

    if (text == NULL)
        return NULL;
    memcpy(copy, text, text_size(text));
    *at += text_size(text);
    return copy;
}

static bool is_fatal(enum trouble_kind kind, int code)
{
    enum trouble_rule rule = rows[kind].rule;

    return rule == FATAL || (rule == BY_CODE && k_error_fatal(code));
}

/* What the application has to close must not be lost among what will pass. */
static size_t *count_for(struct trouble_book *book, const struct trouble_report *report)
{
#ifdef MUTANT_FATAL_CROWDED_OUT
    return report->kind == TROUBLE_MANY_TROUBLES ? &book->many : &book->count;
#endif
    return report->kind == TROUBLE_MANY_TROUBLES  ? &book->many
           : is_fatal(report->kind, report->code) ? &book->fatal
                                                  : &book->count;
}

/* NULL when there is no room for it. */
static struct trouble *add(struct trouble_book *book, const struct trouble_report *report,
                           int64_t now_ms)
{
    const struct trouble_subject *from = &report->subject;
    size_t *among = count_for(book, report);
    struct trouble *trouble = *among < TROUBLES_MAX
                                  ? malloc(sizeof *trouble + text_size(from->address) +
                                           text_size(from->topic) + text_size(from->group))
                                  : NULL;

    if (trouble == NULL)
        return NULL;
    char *at = trouble->texts;
    trouble->kind = report->kind;
    trouble->subject = *from;
    trouble->subject.address = keep_text(&at, from->address);
    trouble->subject.topic = keep_text(&at, from->topic);
    trouble->subject.group = keep_text(&at, from->group);
    trouble->code = report->code;
    trouble->severity = is_fatal(report->kind, report->code) ? KLIENT_FATAL
                        : report->idle                       ? KLIENT_IDLE
                                                             : KLIENT_TRANSIENT;
    trouble->among = among;
    trouble->since_ms = trouble->awaited_ms = now_ms;
    trouble->ended = false;
    list_append(&book->open, &trouble->node);
    book->counts[trouble->kind]++;
    ++*among;
    assert(*among <= TROUBLES_MAX);                                 /* T4 */
    return trouble;
}

static void forget_told(struct trouble_book *book)
{
    free(book->over);
    book->over = NULL;
}

/* --- what is told ----------------------------------------------------------------------------- */

static bool tell(const struct trouble_book *book, const struct trouble *trouble, bool over,
                 int64_t now_ms, struct trouble_news *out)
{
    *out = (struct trouble_news){
        .kind = trouble->kind,
        .severity = trouble->severity,
        .over = over,
        .code = trouble->code,
        .subject = trouble->subject,
        .since_ms = trouble->since_ms,
        .lasted_ms = (over ? trouble->ended_ms : now_ms) - trouble->since_ms,
        .untold = trouble->kind == TROUBLE_MANY_TROUBLES ? book->untold : 0,
    };
    return true;
}

static void note_end(struct trouble_book *book, struct trouble *trouble, int64_t now_ms)
{
    trouble->ended = true;
    trouble->ended_ms = now_ms;
    book->counts[trouble->kind]--;
}

static bool tell_over(struct trouble_book *book, struct trouble *trouble, int64_t now_ms,
                      struct trouble_news *out)
{
    list_remove(&trouble->node);
    --*trouble->among;
    book->over = trouble;
    return tell(book, trouble, true, now_ms, out);
}

/* Has it become worse? */
static bool grow(struct trouble *trouble, klient_severity_t severity)
{
    if (severity <= trouble->severity)
        return false;
    trouble->severity = severity;
    return true;
}

static bool is_persistent(const struct trouble_book *book, const struct trouble *trouble,
                          int64_t now_ms)
{
    return trouble->severity != KLIENT_IDLE &&                       /* T3 */
           now_ms - trouble->awaited_ms >= book->persistent_ms;
}

static bool grows_by_itself(const struct trouble *trouble)
{
    return trouble->severity == KLIENT_TRANSIENT && !trouble->ended &&
           rows[trouble->kind].rule != BY_SIGHT;
}

/* --- steps ------------------------------------------------------------------------------------ */

/* T5. */
static void revive(struct trouble_book *book, struct trouble *trouble)
{
    book->counts[trouble->kind] += trouble->ended;
    trouble->ended = false;
}

/* It can not be told by itself. */
static bool count_it(struct trouble_book *book, int64_t now_ms, struct trouble_news *out)
{
    struct trouble_report many = { TROUBLE_MANY_TROUBLES, TROUBLE_OF_NOTHING, 0, false };
    struct trouble *trouble = find(book, many.kind, &many.subject);

    if (trouble != NULL) {
        book->untold++;
        revive(book, trouble);
        return false;
    }
    book->untold = 1;
    trouble = add(book, &many, now_ms);
    return trouble != NULL && tell(book, trouble, false, now_ms, out);
}

bool trouble_begin(struct trouble_book *book, const struct trouble_report *report, int64_t now_ms,
                   struct trouble_news *out)
{
    struct trouble *trouble = find(book, report->kind, &report->subject);

    forget_told(book);
    if (trouble == NULL) {
        trouble = add(book, report, now_ms);
        return trouble != NULL ? tell(book, trouble, false, now_ms, out)
                               : count_it(book, now_ms, out);
    }
    trouble->code = report->code;
    revive(book, trouble);
    if (trouble->severity == KLIENT_IDLE && !report->idle) {
        /* What has begun needs not be told again. */
        trouble->severity = KLIENT_TRANSIENT;
        trouble->awaited_ms = now_ms;
    }
    if (is_fatal(trouble->kind, trouble->code))
        return grow(trouble, KLIENT_FATAL) && tell(book, trouble, false, now_ms, out);
#ifdef MUTANT_TROUBLE_REPEATED
    return tell(book, trouble, false, now_ms, out);
#endif
    return !report->idle && is_persistent(book, trouble, now_ms) &&
           grow(trouble, KLIENT_PERSISTENT) && tell(book, trouble, false, now_ms, out);
}

void trouble_end(struct trouble_book *book, enum trouble_kind kind,
                 const struct trouble_subject *subject, int64_t now_ms)
{
    struct trouble *trouble = trouble_is_there(book, kind) ? find(book, kind, subject) : NULL;

    if (trouble != NULL && !trouble->ended)
        note_end(book, trouble, now_ms);
}

/* T4. */
static void end_many(struct trouble_book *book, int64_t now_ms)
{
    if (book->count <= TROUBLES_MAX / 2 && book->fatal <= TROUBLES_MAX / 2)
        trouble_end(book, TROUBLE_MANY_TROUBLES, &TROUBLE_OF_NOTHING, now_ms);
}

bool trouble_tick(struct trouble_book *book, int64_t now_ms, struct trouble_news *out)
{
    forget_told(book);
    end_many(book, now_ms);
    LIST_EACH(&book->open, node) {
        struct trouble *trouble = trouble_of(node);
        if (trouble->ended && now_ms - trouble->ended_ms >= book->quiet_ms)
            return tell_over(book, trouble, now_ms, out);
        if (grows_by_itself(trouble) && is_persistent(book, trouble, now_ms)) {
            trouble->severity = KLIENT_PERSISTENT;
            return tell(book, trouble, false, now_ms, out);
        }
    }
    return false;
}

int64_t trouble_deadline_ms(const struct trouble_book *book)
{
    int64_t next_ms = INT64_MAX;

    LIST_EACH(&book->open, node) {
        const struct trouble *trouble = trouble_of(node);
        int64_t at_ms = trouble->ended ? trouble->ended_ms + book->quiet_ms
                        : grows_by_itself(trouble) ? trouble->awaited_ms + book->persistent_ms
                                                   : INT64_MAX;
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    return next_ms;
}

/* --- life ------------------------------------------------------------------------------------- */

void trouble_book_init(struct trouble_book *book, int64_t persistent_ms)
{
    int64_t quiet_ms = persistent_ms / 5;

    *book = (struct trouble_book){
        .persistent_ms = persistent_ms,
        .quiet_ms = quiet_ms < TROUBLE_QUIET_MS_MAX ? quiet_ms : TROUBLE_QUIET_MS_MAX,
    };
    list_init(&book->open);
}

void trouble_book_fini(struct trouble_book *book)
{
    forget_told(book);
    LIST_EACH_SAFE(&book->open, node, after)
        free(trouble_of(node));
    trouble_book_init(book, book->persistent_ms);
}

void trouble_print_docs(FILE *out)
{
    static const char *const severities[] = {
        [BY_TIME] = "transient, then persistent",
        [BY_SIGHT] = "idle or transient; persistent when met with again",
        [BY_CODE] = "transient, then persistent; fatal with a fatal code",
        [FATAL] = "fatal",
    };

    fputs("| about | what is wrong | severity | action |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(out, "| `%s` | %s | %s | %s |\n", rows[i].name, rows[i].what,
                severities[rows[i].rule], rows[i].action);
}
