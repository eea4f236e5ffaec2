#include "tests/server/core/transcript.h"

#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

const char *word_after(const struct words *words, const char *key)
{
    for (int i = 0; i + 1 < words->count; i++)
        if (strcmp(words->items[i], key) == 0)
            return words->items[i + 1];
    return NULL;
}

int64_t number_after(const struct words *words, const char *key, int64_t fallback)
{
    const char *text = word_after(words, key);
    return text == NULL ? fallback : strtoll(text, NULL, 10);
}

int has_word(const struct words *words, const char *word)
{
    for (int i = 0; i < words->count; i++)
        if (strcmp(words->items[i], word) == 0)
            return 1;
    return 0;
}

static void words_split(char *line, struct words *words)
{
    char *rest = NULL;

    words->count = 0;
    for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        ck_assert_int_lt(words->count, TRANSCRIPT_WORDS_MAX);
        words->items[words->count++] = word;
    }
}

static char *file_read(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");

    ck_assert_msg(file != NULL, "can not open %s", path);
    if (getdelim(&text, &size, '\0', file) < 0)
        ck_abort_msg("%s is empty", path);
    fclose(file);
    return text;
}

/* Replay `text`; `played` receives it with the answers of now. */
static void play(const char *text, const struct transcript_script *script, FILE *played)
{
    void *subject = script->start();
    char *copy = strdup(text), *rest = NULL;

    /* strtok would swallow empty lines, which belong to the file. */
    for (char *line = copy; line != NULL; line = rest) {
        rest = strchr(line, '\n');
        if (rest != NULL)
            *rest++ = '\0';
        if (rest == NULL && *line == '\0')
            break;
        if (*line == '#' || *line == '\0') {
            fprintf(played, "%s\n", line);
        } else if (strncmp(line, "> ", 2) == 0) {
            struct words words;
            fprintf(played, "%s\n", line);
            words_split(line + 2, &words);
            script->apply(subject, &words, played);
        }
    }
    free(copy);
    script->stop(subject);
}

/* Point at the first line that differs, with the event that it answers. */
static void report(const char *path, const char *expected, const char *played)
{
    int number = 1;
    const char *event = "";
    int event_size = 0;

    while (*expected != '\0' && *played != '\0') {
        size_t a = strcspn(expected, "\n"), b = strcspn(played, "\n");
        if (a != b || memcmp(expected, played, a) != 0)
            break;
        if (*expected == '>') {
            event = expected;
            event_size = (int)a;
        }
        expected += a + (expected[a] != '\0');
        played += b + (played[b] != '\0');
        number++;
    }
    ck_abort_msg("%s:%d differs\n%.*s\n-%.*s\n+%.*s", path, number, event_size, event,
                 (int)strcspn(expected, "\n"), expected, (int)strcspn(played, "\n"), played);
}

void transcript_check(const char *path, const struct transcript_script *script)
{
    char *expected = file_read(path), *played = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&played, &size);

    play(expected, script, out);
    fclose(out);
    if (strcmp(expected, played) != 0) {
        const char *mode = getenv("KAIRN_TRANSCRIPTS");
        if (mode == NULL || strcmp(mode, "update") != 0)
            report(path, expected, played);
        FILE *file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        fputs(played, file);
        fclose(file);
    }
    free(expected);
    free(played);
}

void transcript_check_folder(const char *folder, const struct transcript_script *script)
{
    char pattern[4096];
    glob_t found;

    snprintf(pattern, sizeof pattern, "%s/*.txt", folder);
    ck_assert_msg(glob(pattern, 0, NULL, &found) == 0, "no transcripts in %s", folder);
    for (size_t i = 0; i < found.gl_pathc; i++)
        transcript_check(found.gl_pathv[i], script);
    globfree(&found);
}
