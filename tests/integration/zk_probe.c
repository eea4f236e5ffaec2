/* zk_probe - look at and poke ZooKeeper from the integration tests, without starting a Java
 * machine.
 *
 *   zk_probe CONNECT get PATH | ls PATH | stat PATH
 *   zk_probe CONNECT create PATH DATA | set PATH DATA [VERSION] | delete PATH
 *   zk_probe CONNECT failover PID    SIGKILL the controller's broker; how long until another has
 *                                    its chair: "milliseconds old-broker new-broker new-epoch" */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zookeeper/zookeeper.h>

enum { DATA_MAX = 1 << 20, TIMEOUT_MS = 10000, FAILOVER_LIMIT_MS = 30000 };

static char data[DATA_MAX + 1];

static void ignore_event(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    (void)handle, (void)type, (void)state, (void)path, (void)context;
}

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void synced(int code, const char *path, const void *context)
{
    (void)path;
    *(volatile int *)(uintptr_t)context = code == ZOK ? 1 : -1;
}

static void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

static int say(int code, const char *path)
{
    if (code != ZOK)
        fprintf(stderr, "zk_probe: %s: %s\n", path, zerror(code));
    return code == ZOK ? 0 : 1;
}

static int read_node(zhandle_t *handle, const char *path, struct Stat *stat)
{
    int size = DATA_MAX;
    int code = zoo_get(handle, path, 0, data, &size, stat);
    data[code == ZOK && size > 0 ? size : 0] = '\0';
    return code;
}

static int list(zhandle_t *handle, const char *path)
{
    struct String_vector children;
    int code = zoo_get_children(handle, path, 0, &children);
    if (code != ZOK)
        return say(code, path);
    for (int32_t i = 0; i < children.count; i++)
        puts(children.data[i]);
    deallocate_String_vector(&children);
    return 0;
}

static int broker_in(const char *json)
{
    const char *at = strstr(json, "\"brokerid\":");
    return at != NULL ? atoi(at + strlen("\"brokerid\":")) : -1;
}

static int failover(zhandle_t *handle, const char *pid_text)
{
    struct Stat stat;
    int code = read_node(handle, "/controller", &stat);
    pid_t pid = (pid_t)atoi(pid_text);
    if (code != ZOK || pid <= 1)
        return say(code != ZOK ? code : ZBADARGUMENTS, "/controller");
    int former = broker_in(data);
    int64_t former_owner = stat.ephemeralOwner;

    double killed = now_ms(), passed = 0;
    if (kill(pid, SIGKILL) != 0) {
        perror("zk_probe: kill");
        return 1;
    }
    do {
        pause_ms(1);
        code = read_node(handle, "/controller", &stat);
        passed = now_ms() - killed;
    } while ((code != ZOK || stat.ephemeralOwner == former_owner) && passed < FAILOVER_LIMIT_MS);
    if (code != ZOK || stat.ephemeralOwner == former_owner)
        return say(code != ZOK ? code : ZOPERATIONTIMEOUT, "/controller");
    int next = broker_in(data);
    code = read_node(handle, "/controller_epoch", &stat);
    printf("%.1f %d %d %s\n", passed, former, next, data);
    return say(code, "/controller_epoch");
}

/* Reads may be answered by a server that lags behind; after this it knows what was written before.
 */
static int catch_up(zhandle_t *handle)
{
    volatile int done = 0;
    double started = now_ms();
    int code = zoo_async(handle, "/", synced, (const void *)(uintptr_t)&done);
    while (code == ZOK && done == 0 && now_ms() - started < TIMEOUT_MS)
        pause_ms(1);
    return done == 1 ? ZOK : code != ZOK ? code : ZOPERATIONTIMEOUT;
}

static int run(zhandle_t *handle, int argc, char **argv)
{
    const char *verb = argv[2], *path = argv[3], *text = argc > 4 ? argv[4] : "";
    struct Stat stat;

    if (strcmp(verb, "get") == 0) {
        int failed = say(read_node(handle, path, &stat), path);
        if (!failed)
            puts(data);
        return failed;
    }
    if (strcmp(verb, "stat") == 0) {
        int failed = say(read_node(handle, path, &stat), path);
        if (!failed)
            printf("version=%d owner=%llx czxid=%lld\n", stat.version,
                   (unsigned long long)stat.ephemeralOwner, (long long)stat.czxid);
        return failed;
    }
    if (strcmp(verb, "ls") == 0)
        return list(handle, path);
    if (strcmp(verb, "set") == 0)
        return say(zoo_set(handle, path, text, (int)strlen(text), argc > 5 ? atoi(argv[5]) : -1),
                   path);
    if (strcmp(verb, "create") == 0)
        return say(
            zoo_create(handle, path, text, (int)strlen(text), &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0),
            path);
    if (strcmp(verb, "delete") == 0)
        return say(zoo_delete(handle, path, -1), path);
    if (strcmp(verb, "failover") == 0)
        return failover(handle, path);
    fprintf(stderr, "zk_probe: no command %s\n", verb);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: zk_probe CONNECT get|ls|stat|create|set|delete|failover PATH "
              "[DATA [VERSION]]\n",
              stderr);
        return 2;
    }
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    zhandle_t *handle = zookeeper_init(argv[1], ignore_event, TIMEOUT_MS, NULL, NULL, 0);
    double started = now_ms();
    while (handle != NULL && zoo_state(handle) != ZOO_CONNECTED_STATE &&
           now_ms() - started < TIMEOUT_MS)
        pause_ms(1);
    if (handle == NULL || zoo_state(handle) != ZOO_CONNECTED_STATE) {
        fprintf(stderr, "zk_probe: %s does not answer\n", argv[1]);
        return 1;
    }
    int status = say(catch_up(handle), "/");
    if (status == 0)
        status = run(handle, argc, argv);
    zookeeper_close(handle);
    return status;
}
