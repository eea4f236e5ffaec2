#include "tests/client/helpers.h"

Suite *admin_suite(void)
{
    return suite_create("client/admin");
}
