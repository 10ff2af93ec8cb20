/* uazapi_group.c - groups and communities (16.3, 16.4). */
#include "uazapi.h"

void
uz_groups_free(struct uz_instance *i GH_UNUSED)
{
}
