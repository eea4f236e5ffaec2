#include "zk/connect.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

/* Write one server to `*hosts`, which has `*room` bytes, enough for it; step behind it. */
static int take_server(const char *server, size_t size, char **hosts, size_t *room,
                       struct k_reason *reason)
{
    const char *end = server + size;
    const char *bracket = size > 0 && server[0] == '[' ? memchr(server, ']', size) : NULL;
    const char *colon = memchr(bracket != NULL ? bracket : server, ':',
                               (size_t)(end - (bracket != NULL ? bracket : server)));
    size_t host_size = (size_t)((colon != NULL ? colon : end) - server);
    long port = 2181;

    if (host_size == 0 || strcspn(server, " \t\r\n") < size)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "zookeeper.connect: a host is missing or holds a blank");
    if (colon != NULL) {
        char *rest;

        port = strtol(colon + 1, &rest, 10);
        if (rest != end || colon[1] < '0' || colon[1] > '9' || port < 1 || port > 65535)
            return k_reason_set(reason, K_INVALID_CONFIG,
                                "zookeeper.connect: \"%.*s\" is not host:port",
                                (int)(size < 200 ? size : 200), server);
    }
    int written = snprintf(*hosts, *room, "%.*s:%ld", (int)host_size, server, port);
    *hosts += written;
    *room -= (size_t)written;
    return 0;
}

/* ZooKeeper's own rules, but for some private characters beyond ASCII, which it refuses itself. */
static bool is_text(const char *path)
{
    for (const char *at = path; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    return utf8_valid((const uint8_t *)path, strlen(path)) == strlen(path);
}

static int check_chroot(const char *chroot, struct k_reason *reason)
{
    if (strlen(chroot) > ZK_CHROOT_MAX)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "zookeeper.connect: the chroot is longer than %d", ZK_CHROOT_MAX);

    bool sound = is_text(chroot);
    for (const char *part = chroot; sound && part != NULL && *part == '/';
         part = strchr(part + 1, '/'))
        sound = strcspn(part + 1, "/") > 0 && strncmp(part, "/./", 3) != 0 &&
                strncmp(part, "/../", 4) != 0 && strcmp(part, "/.") != 0 &&
                strcmp(part, "/..") != 0;
    return sound ? 0 : k_reason_set(reason, K_INVALID_CONFIG,
                                    "zookeeper.connect: \"%.200s\" is not a path", chroot);
}

int zk_connect_parse(const char *text, struct zk_connect *out, struct k_reason *reason)
{
    size_t hosts_size = strcspn(text, "/"), servers = 1;

    for (size_t i = 0; i < hosts_size; i++)
        servers += text[i] == ',';
    size_t room = hosts_size + servers * sizeof ":65535";
    *out = (struct zk_connect){ .hosts = calloc(1, room), .chroot = strdup(text + hosts_size) };
    if (out->hosts == NULL || out->chroot == NULL)
        return K_NOMEM;

    size_t chroot_size = strlen(out->chroot);
    if (chroot_size > 0 && out->chroot[chroot_size - 1] == '/')
        out->chroot[chroot_size - 1] = '\0';
    char *hosts = out->hosts;
    for (size_t at = 0; at <= hosts_size;) {
        size_t size = strcspn(text + at, ",/");

        if (at > 0) {
            *hosts++ = ',';
            room--;
        }
        int code = take_server(text + at, size, &hosts, &room, reason);
        if (code != 0)
            return code;
        at += size + 1;
    }
    return check_chroot(out->chroot, reason);
}

void zk_connect_fini(struct zk_connect *connect)
{
    free(connect->hosts);
    free(connect->chroot);
}
