#include "server/api/authorise.h"

int authorise(const struct principal *principal, enum operation operation,
              const struct resource *resource)
{
    (void)principal;
    (void)operation;
    (void)resource;
    return 0;
}
