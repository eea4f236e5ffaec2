#include "common/pairs.h"

static bool read_number(const char **at, const char *end, int32_t *out)
{
    const char *begin = *at;
    int64_t number = 0;

    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        number = number * 10 + (**at - '0');
        if (number > INT32_MAX)
            return false;
    }
    *out = (int32_t)number;
    return *at > begin;
}

bool pairs_next(const char **at, const char *end, int32_t *first, int32_t *second)
{
    if (!read_number(at, end, first) || *at == end || *(*at)++ != ':' ||
        !read_number(at, end, second))
        return false;
    return *at == end || (*(*at)++ == ',' && *at < end);
}

bool pairs_is_list(const char *text, size_t size)
{
    const char *at = text, *end = text + size;
    int32_t first, second;

    if (pairs_is_all(text, size))
        return true;
    while (at < end)
        if (!pairs_next(&at, end, &first, &second))
            return false;
    return true;
}
