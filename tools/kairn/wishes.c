#include "tools/kairn/wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wishes_free(struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++)
        free(wishes->texts[i]);
    free(wishes->texts);
    free(wishes->names);
    free(wishes->values);
    *wishes = (struct wishes){ 0 };
}

static bool add(const struct args *args, struct wishes *wishes, const char *word, bool unset,
                const char *what)
{
    char *text = strdup(word);
    char *equals = text != NULL ? strchr(text, '=') : NULL;

    if (text == NULL) {
        command_failed(args, "out of memory");
        return false;
    }
    if (equals == text || (equals == NULL) != unset || text[0] == '\0') {
        command_misuse(args, unset ? "%s takes a NAME, not '%s'" : "%s takes NAME=VALUE, not '%s'",
                       what, word);
        free(text);
        return false;
    }
    if (!unset)
        *equals = '\0';
    wishes->texts[wishes->count] = text;
    wishes->names[wishes->count] = text;
    wishes->values[wishes->count++] = unset ? NULL : equals + 1;
    return true;
}

bool wishes_read(const struct args *args, const char *flag, struct wishes *out)
{
    size_t set = flag != NULL ? args_count(args, flag) : args_operand_count(args);
    size_t unset = args_count(args, "--unset");
    size_t room = set + unset + 1;
    bool sound = true;

    *out = (struct wishes){ .texts = calloc(room, sizeof(char *)),
                            .names = calloc(room, sizeof(char *)),
                            .values = calloc(room, sizeof(char *)) };
    if (out->texts == NULL || out->names == NULL || out->values == NULL) {
        command_failed(args, "out of memory");
        return false;
    }
    for (size_t i = 0; i < set && sound; i++)
        sound = add(args, out, flag != NULL ? args_nth(args, flag, i) : args_operand(args, i),
                    false, flag != NULL ? flag : "this command");
    for (size_t i = 0; i < unset && sound; i++)
        sound = add(args, out, args_nth(args, "--unset", i), true, "--unset");
    return sound;
}

klient_alteration_t wishes_alteration(const struct wishes *wishes, klient_resource_t kind,
                                      const char *name)
{
    return (klient_alteration_t){
        .size = sizeof(klient_alteration_t),
        .kind = kind,
        .name = name,
        .config_names = wishes->names,
        .config_values = wishes->values,
        .config_count = wishes->count,
    };
}

void wishes_json(const struct wishes *wishes, json_t *object)
{
    json_t *set = json_object(), *unset = json_array();

    for (size_t i = 0; i < wishes->count; i++) {
        if (wishes->values[i] != NULL)
            json_object_set_new(set, wishes->names[i], json_string(wishes->values[i]));
        else
            json_array_append_new(unset, json_string(wishes->names[i]));
    }
    json_object_set_new(object, "set", set);
    json_object_set_new(object, "unset", unset);
}

void wishes_print(const struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++)
        printf("  %s%s%s\n", wishes->names[i], wishes->values[i] != NULL ? "=" : " unset",
               wishes->values[i] != NULL ? wishes->values[i] : "");
}
