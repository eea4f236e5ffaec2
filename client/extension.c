#include "client/extension.h"

#include <stdlib.h>
#include <string.h>

#include "client/config.h"
#include "client/error.h"
#include "client/serde.h"
#include "client/strategy.h"

/* --- memory ----------------------------------------------------------------------------------- */

static void property_fini(struct own_property *property)
{
    free(property->name);
    free(property->fallback);
    free(property->value);
}

void extensions_fini(struct extensions *extensions)
{
    for (size_t i = 0; i < extensions->count; i++)
        free(extensions->rows[i].name);
    for (size_t i = 0; i < extensions->property_count; i++)
        property_fini(&extensions->properties[i]);
    free(extensions->rows);
    free(extensions->properties);
    *extensions = (struct extensions){ 0 };
}

/* NULL stays NULL. False: out of memory. */
static bool copy_text(const char *from, char **to)
{
    *to = from == NULL ? NULL : strdup(from);
    return from == NULL || *to != NULL;
}

static int property_copy(const struct own_property *from, struct own_property *to)
{
    *to = (struct own_property){ .secret = from->secret, .source = from->source };
    if (copy_text(from->name, &to->name) && copy_text(from->fallback, &to->fallback) &&
        copy_text(from->value, &to->value))
        return 0;
    property_fini(to);
    return K_NOMEM;
}

/* One more. */
static int push_row(struct extensions *extensions, const struct extension *row)
{
    struct extension *rows =
        realloc(extensions->rows, (extensions->count + 1) * sizeof *extensions->rows);

    if (rows == NULL)
        return K_NOMEM;
    extensions->rows = rows;
    rows[extensions->count] = *row;
    rows[extensions->count].name = strdup(row->name);
    if (rows[extensions->count].name == NULL)
        return K_NOMEM;
    extensions->count++;
    return 0;
}

static int push_property(struct extensions *extensions, const struct own_property *property)
{
    struct own_property *properties =
        realloc(extensions->properties,
                (extensions->property_count + 1) * sizeof *extensions->properties);

    if (properties == NULL)
        return K_NOMEM;
    extensions->properties = properties;
    int code = property_copy(property, &properties[extensions->property_count]);
    if (code == 0)
        extensions->property_count++;
    return code;
}

int extensions_copy(const struct extensions *from, struct extensions *to)
{
    int code = 0;

    *to = (struct extensions){ 0 };
    for (size_t i = 0; code == 0 && i < from->count; i++)
        code = push_row(to, &from->rows[i]);
    for (size_t i = 0; code == 0 && i < from->property_count; i++)
        code = push_property(to, &from->properties[i]);
    if (code != 0)
        extensions_fini(to);
    return code;
}

/* --- properties ------------------------------------------------------------------------------- */

struct own_property *own_property_find(const struct extensions *extensions, const char *name)
{
    for (size_t i = 0; i < extensions->property_count; i++)
        if (strcmp(extensions->properties[i].name, name) == 0)
            return &extensions->properties[i];
    return NULL;
}

int own_property_set(struct own_property *property, enum option_source source, const char *value)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return K_NOMEM;
    free(property->value);
    property->value = copy;
    property->source = source;
    return 0;
}

const char *own_property_text(const struct own_property *property)
{
    if (property->value != NULL)
        return property->value;
    return property->fallback != NULL ? property->fallback : "";
}

const char *own_property_nearest(const struct extensions *extensions, const char *name)
{
    const char *nearest = NULL;
    size_t best = strlen(name) / 3 + 2;

    for (size_t i = 0; i < extensions->property_count; i++) {
        size_t distance = options_name_distance(name, extensions->properties[i].name);
        if (distance < best) {
            best = distance;
            nearest = extensions->properties[i].name;
        }
    }
    return nearest;
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *const kind_names[] = { "serializer", "deserializer", "interceptor",
                                          "assignor" };

static bool is_built_in(enum extension_kind kind, const char *name)
{
    switch (kind) {
    case EXTENSION_SERIALIZER: return serde_find(SERDE_WRITES, name) != NULL;
    case EXTENSION_DESERIALIZER: return serde_find(SERDE_READS, name) != NULL;
    case EXTENSION_ASSIGNOR: return strategy_is_built_in(name);
    default: return false;
    }
}

const struct extension *extension_find(const struct extensions *extensions,
                                       enum extension_kind kind, const char *name)
{
    for (size_t i = 0; i < extensions->count; i++)
        if (extensions->rows[i].kind == kind && strcmp(extensions->rows[i].name, name) == 0)
            return &extensions->rows[i];
    return NULL;
}

static int check_name(const struct klient_config *config, enum extension_kind kind,
                      const char *property, const char *name, klient_error_t **error)
{
    if (is_built_in(kind, name) || extension_find(&config->extensions, kind, name) != NULL)
        return 0;
    if (serde_is_of_java(name))
        return fail(error, K_NOT_SUPPORTED_YET, "%s: %s is not supported yet, or is no %s",
                    property, name, kind_names[kind]);
    return fail(error, K_INVALID_CONFIG, "%s: there is no %s \"%s\"; there are bytes, string, "
                "int32, int64, double, uuid, json, and what was added with klient_config_add_%s()",
                property, kind_names[kind], name, kind_names[kind]);
}

bool extension_next_name(const char **at, const char **name, size_t *size)
{
    static const char between[] = ", \t\r\n";

    *name = *at + strspn(*at, between);
    *size = strcspn(*name, between);
    *at = *name + *size;
    return *size > 0;
}

const struct extension *extension_interceptor(const struct extensions *extensions,
                                              const char *name, size_t size)
{
    for (size_t i = 0; i < extensions->count; i++) {
        const struct extension *row = &extensions->rows[i];
        if (row->kind == EXTENSION_INTERCEPTOR && strlen(row->name) == size &&
            memcmp(row->name, name, size) == 0)
            return row;
    }
    return NULL;
}

static int check_interceptors(const struct klient_config *config, klient_error_t **error)
{
    const char *at = config->values.interceptors, *name;
    size_t size;

    while (at != NULL && extension_next_name(&at, &name, &size))
        if (extension_interceptor(&config->extensions, name, size) == NULL)
            return fail(error, K_INVALID_CONFIG, "interceptor.classes: no interceptor \"%.*s\" was "
                        "added with klient_config_add_interceptor()", (int)size, name);
    return 0;
}

int extensions_check(const struct klient_config *config, klient_error_t **error)
{
    const struct config_values *values = &config->values;
    int code = check_name(config, EXTENSION_SERIALIZER, "key.serializer", values->key_serializer,
                          error);

    if (code == 0)
        code = check_name(config, EXTENSION_SERIALIZER, "value.serializer",
                          values->value_serializer, error);
    if (code == 0)
        code = check_name(config, EXTENSION_DESERIALIZER, "key.deserializer",
                          values->key_deserializer, error);
    if (code == 0)
        code = check_name(config, EXTENSION_DESERIALIZER, "value.deserializer",
                          values->value_deserializer, error);
    return code != 0 ? code : check_interceptors(config, error);
}

int extension_refused(const char *what, const struct refusal *refusal, klient_error_t **error)
{
    fail(error, K_INVALID_CONFIG, "%s does not start: %s (%d)", what, refusal->reason.text,
         refusal->detail);
    if (error != NULL)
        error_set_detail(*error, refusal->detail);
    return K_INVALID_CONFIG;
}

int extension_open(extension_open_fn *open, void *context, const struct klient_config *config,
                   const char *property, void **state, klient_error_t **error)
{
    struct refusal refusal = { 0 };

    *state = context;
    if (open == NULL)
        return 0;
    refusal.detail = open(context, config, strncmp(property, "key.", 4) == 0, state,
                          refusal.reason.text, sizeof refusal.reason.text);
    return refusal.detail == 0 ? 0 : extension_refused(property, &refusal, error);
}

/* --- registration ----------------------------------------------------------------------------- */

static int check_properties(const klient_property_t *properties, size_t count,
                            klient_error_t **error)
{
    if (count > 0 && properties == NULL)
        return fail(error, K_INVALID_ARGUMENT, "properties are counted, but missing");
    for (size_t i = 0; i < count; i++) {
        const char *name = properties[i].name;
        if (name == NULL || name[0] == '\0')
            return fail(error, K_INVALID_ARGUMENT, "a property has no name");
        if (options_find(&config_table, name) != NULL || config_names_topic(name))
            return fail(error, K_INVALID_ARGUMENT, "libklient has a property %s itself", name);
    }
    return 0;
}

static int check_new_name(const struct klient_config *config, enum extension_kind kind,
                          const char *name, klient_error_t **error)
{
    if (name == NULL || name[0] == '\0' || strpbrk(name, ", \t\r\n") != NULL)
        return fail(error, K_INVALID_ARGUMENT, "a %s needs a name without blanks and commas",
                    kind_names[kind]);
    if (is_built_in(kind, name) || extension_find(&config->extensions, kind, name) != NULL)
        return fail(error, K_EXISTS, "there is a %s \"%s\" already", kind_names[kind], name);
    return 0;
}

/* All of it or nothing. */
static klient_code_t add(struct klient_config *config, const struct extension *row,
                         const klient_property_t *properties, size_t count, klient_error_t **error)
{
    struct extensions *extensions = &config->extensions, grown;
    int code = check_new_name(config, row->kind, row->name, error);

    if (code == 0)
        code = check_properties(properties, count, error);
    if (code != 0)
        return (klient_code_t)code;
    code = extensions_copy(extensions, &grown);
    if (code == 0)
        code = push_row(&grown, row);
    for (size_t i = 0; code == 0 && i < count; i++) {
        struct own_property property = { (char *)properties[i].name,
                                         (char *)properties[i].fallback, NULL,
                                         properties[i].secret != 0, OPTION_FROM_DEFAULT };
        if (own_property_find(&grown, property.name) == NULL)
            code = push_property(&grown, &property);
    }
    if (code != 0) {
        extensions_fini(&grown);
        return fail(error, code, NULL);
    }
    extensions_fini(extensions);
    *extensions = grown;
    return KLIENT_OK;
}

klient_code_t klient_config_add_serializer(klient_config_t *config, const char *name,
                                           const klient_serializer_t *serializer,
                                           klient_error_t **error)
{
    if (config == NULL || serializer == NULL || serializer->size < sizeof *serializer ||
        serializer->serialize == NULL)
        return fail(error, K_INVALID_ARGUMENT, "a serializer needs its function serialize");
    struct extension row = { EXTENSION_SERIALIZER, (char *)name, { .serializer = *serializer } };

    row.as.serializer.properties = NULL;
    return add(config, &row, serializer->properties, serializer->property_count, error);
}

klient_code_t klient_config_add_deserializer(klient_config_t *config, const char *name,
                                             const klient_deserializer_t *deserializer,
                                             klient_error_t **error)
{
    if (config == NULL || deserializer == NULL || deserializer->size < sizeof *deserializer ||
        deserializer->deserialize == NULL)
        return fail(error, K_INVALID_ARGUMENT, "a deserializer needs its function deserialize");
    struct extension row = { EXTENSION_DESERIALIZER, (char *)name,
                             { .deserializer = *deserializer } };

    row.as.deserializer.properties = NULL;
    return add(config, &row, deserializer->properties, deserializer->property_count, error);
}

klient_code_t klient_config_add_interceptor(klient_config_t *config, const char *name,
                                            const klient_interceptor_t *interceptor,
                                            klient_error_t **error)
{
    if (config == NULL || interceptor == NULL || interceptor->size < sizeof *interceptor ||
        (interceptor->on_send == NULL && interceptor->on_acknowledgement == NULL &&
         interceptor->on_consume == NULL && interceptor->on_commit == NULL))
        return fail(error, K_INVALID_ARGUMENT, "an interceptor needs something to do");
    struct extension row = { EXTENSION_INTERCEPTOR, (char *)name, { .interceptor = *interceptor } };

    row.as.interceptor.properties = NULL;
    return add(config, &row, interceptor->properties, interceptor->property_count, error);
}

klient_code_t klient_config_add_assignor(klient_config_t *config, const char *name,
                                         const klient_assignor_t *assignor, klient_error_t **error)
{
    if (config == NULL || assignor == NULL || assignor->size < sizeof *assignor ||
        assignor->assign == NULL)
        return fail(error, K_INVALID_ARGUMENT, "an assignor needs its function assign");
    struct extension row = { EXTENSION_ASSIGNOR, (char *)name, { .assignor = *assignor } };

    row.as.assignor.properties = NULL;
    return add(config, &row, assignor->properties, assignor->property_count, error);
}

void klient_interceptor_init(klient_interceptor_t *interceptor)
{
    *interceptor = (klient_interceptor_t){ .size = sizeof *interceptor };
}

void klient_serializer_init(klient_serializer_t *serializer)
{
    *serializer = (klient_serializer_t){ .size = sizeof *serializer };
}

void klient_deserializer_init(klient_deserializer_t *deserializer)
{
    *deserializer = (klient_deserializer_t){ .size = sizeof *deserializer };
}
